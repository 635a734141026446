"""Training: one plain loop for every model, and the short runs of the chapters.

    loop         train(): batches in, losses out; stops, logs, resumes
    optimizers   AdamW written out; Muon
    schedule     the learning rate over a run; clipping
    batches      a corpus as batches by number
    checkpoint   weights and state on disk
    devices      CPU, GPU, several processes
    short_runs   word2vec and one attention head, with the learner's own parts
    writer_runs  a language model by a bare loop, every part of the step an argument
    fine_tuning_runs    heads on a pre-trained BERT, likewise
    translation_runs    an encoder-decoder, likewise
    tuning_runs  a GPT that names classes, an encoder that finds passages, likewise
    assistant_runs      a GPT that answers, likewise

Every part that the course has the learner write is an argument, so that "train this with my
attention" is one word in a call.
"""

from minitransformer.training.devices import training_device
from minitransformer.training.loop import History, TrainingConfig, train
from minitransformer.training.optimizers import Muon, adamw_step, newton_schulz
from minitransformer.training.schedule import clip_gradients, learning_rate_at
from minitransformer.training.short_runs import train_attention_head, train_word_vectors

__all__ = [
    "History",
    "Muon",
    "TrainingConfig",
    "adamw_step",
    "clip_gradients",
    "learning_rate_at",
    "newton_schulz",
    "train",
    "train_attention_head",
    "train_word_vectors",
    "training_device",
]
