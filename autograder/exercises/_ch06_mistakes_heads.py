"""Chapter 6's mistakes with heads on BERT and with freezing, and other right ways to write them.

Every definition is lifted out of this file and run in place of a learner's, so its body uses only
torch, math and its neighbours here. The names say what is wrong, or how it is done otherwise.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

# ClassificationHead


class _Head(nn.Module):
    def __init__(self, d_model: int, num_classes: int, dropout: float = 0.1):
        super().__init__()
        self.dense = nn.Linear(d_model, num_classes)
        self.dropout = dropout

    def forward(self, pooled: Tensor) -> Tensor:
        return self.dense(F.dropout(pooled, self.dropout, self.training))


class HeadWithSoftmax(_Head):
    def forward(self, pooled: Tensor) -> Tensor:
        return super().forward(pooled).softmax(-1)


class HeadWithSigmoid(_Head):
    def forward(self, pooled: Tensor) -> Tensor:
        return super().forward(pooled).sigmoid()


class HeadWithLogSoftmax(_Head):
    def forward(self, pooled: Tensor) -> Tensor:
        return super().forward(pooled).log_softmax(-1)


class HeadWithSoftmaxOverTexts(_Head):
    def forward(self, pooled: Tensor) -> Tensor:
        return super().forward(pooled).softmax(0)


class HeadThatBendsAgain(_Head):
    def forward(self, pooled: Tensor) -> Tensor:
        return self.dense(F.dropout(pooled, self.dropout, self.training).tanh())


class HeadThatBendsByRelu(_Head):
    def forward(self, pooled: Tensor) -> Tensor:
        return self.dense(F.dropout(pooled, self.dropout, self.training).relu())


class HeadThatDropsLogits(_Head):
    def forward(self, pooled: Tensor) -> Tensor:
        return F.dropout(self.dense(pooled), self.dropout, self.training)


class HeadThatAlwaysDrops(_Head):
    def forward(self, pooled: Tensor) -> Tensor:
        return self.dense(F.dropout(pooled, self.dropout))


class HeadThatNeverDrops(_Head):
    def forward(self, pooled: Tensor) -> Tensor:
        return self.dense(pooled)


class HeadThatDropsWhatShouldStay(_Head):
    def forward(self, pooled: Tensor) -> Tensor:
        return self.dense(F.dropout(pooled, 1 - self.dropout, self.training))


class HeadThatDropsATenth(_Head):
    def forward(self, pooled: Tensor) -> Tensor:
        return self.dense(F.dropout(pooled, 0.1, self.training))


class HeadThatDropsHalf(_Head):
    def forward(self, pooled: Tensor) -> Tensor:
        return self.dense(F.dropout(pooled, training=self.training))


class HeadThatDropsInPlace(_Head):
    def forward(self, pooled: Tensor) -> Tensor:
        return self.dense(F.dropout(pooled, self.dropout, self.training, inplace=True))


class HeadThatDropsAlike(_Head):
    def forward(self, pooled: Tensor) -> Tensor:
        kept = F.dropout(torch.ones(pooled.shape[-1]), self.dropout, self.training)
        return self.dense(pooled * kept)


class HeadWithTextsSqueezed(_Head):
    def forward(self, pooled: Tensor) -> Tensor:
        return super().forward(pooled).squeeze()


class HeadWithoutBias(nn.Module):
    def __init__(self, d_model: int, num_classes: int, dropout: float = 0.1):
        super().__init__()
        self.dense = nn.Linear(d_model, num_classes, bias=False)
        self.dropout = dropout

    def forward(self, pooled: Tensor) -> Tensor:
        return self.dense(F.dropout(pooled, self.dropout, self.training))


class HeadOfTwoLayers(nn.Module):
    def __init__(self, d_model: int, num_classes: int, dropout: float = 0.1):
        super().__init__()
        self.inner = nn.Linear(d_model, d_model)
        self.dense = nn.Linear(d_model, num_classes)
        self.dropout = dropout

    def forward(self, pooled: Tensor) -> Tensor:
        return self.dense(F.dropout(self.inner(pooled).tanh(), self.dropout, self.training))


class HeadWithAPooler(nn.Module):
    def __init__(self, d_model: int, num_classes: int, dropout: float = 0.1):
        super().__init__()
        self.pooler = nn.Linear(d_model, d_model)
        self.dense = nn.Linear(d_model, num_classes)
        self.dropout = dropout

    def forward(self, pooled: Tensor) -> Tensor:
        return self.dense(F.dropout(self.pooler(pooled).tanh(), self.dropout, self.training))


class HeadWithAPool(nn.Module):
    def __init__(self, d_model: int, num_classes: int, dropout: float = 0.1):
        super().__init__()
        self.pool = nn.Linear(d_model, d_model)
        self.dense = nn.Linear(d_model, num_classes)
        self.dropout = dropout

    def forward(self, pooled: Tensor) -> Tensor:
        return self.dense(F.dropout(self.pool(pooled).tanh(), self.dropout, self.training))


class HeadByModules(nn.Module):
    def __init__(self, d_model: int, num_classes: int, dropout: float = 0.1):
        super().__init__()
        self.drop = nn.Dropout(dropout)
        self.dense = nn.Linear(d_model, num_classes)

    def forward(self, pooled: Tensor) -> Tensor:
        return self.dense(self.drop(pooled))


class HeadByHand(nn.Module):
    def __init__(self, d_model: int, num_classes: int, dropout: float = 0.1):
        super().__init__()
        self.dense = nn.Linear(d_model, num_classes)
        self.rate = dropout

    def forward(self, pooled: Tensor) -> Tensor:
        if self.training:
            kept = torch.rand(pooled.shape) >= self.rate
            pooled = pooled * kept / (1 - self.rate)
        return pooled @ self.dense.weight.T + self.dense.bias


# BertForClassification


class _Classifier(nn.Module):
    def __init__(self, bert: nn.Module, num_classes: int, dropout: float = 0.1):
        super().__init__()
        self.bert = bert
        self.head = _Head(bert.config.d_model, num_classes, dropout)

    def forward(self, ids: Tensor, segments: Tensor | None = None, real: Tensor | None = None):
        _, pooled = self.bert(ids, segments, real)
        return self.head(pooled)

    def loss(
        self,
        ids: Tensor,
        labels: Tensor,
        segments: Tensor | None = None,
        real: Tensor | None = None,
    ) -> Tensor:
        return F.cross_entropy(self(ids, segments, real), labels)


class BertReadsMean(_Classifier):
    def forward(self, ids: Tensor, segments: Tensor | None = None, real: Tensor | None = None):
        hidden, _ = self.bert(ids, segments, real)
        return self.head(hidden.mean(1))


class BertReadsMeanOfReal(_Classifier):
    def forward(self, ids: Tensor, segments: Tensor | None = None, real: Tensor | None = None):
        hidden, _ = self.bert(ids, segments, real)
        real = ids != 0 if real is None else real
        return self.head((hidden * real.unsqueeze(-1)).sum(1) / real.sum(1, keepdim=True))


class BertReadsMeanOfRealOrAll(_Classifier):
    def forward(self, ids: Tensor, segments: Tensor | None = None, real: Tensor | None = None):
        hidden, _ = self.bert(ids, segments, real)
        real = torch.ones_like(ids) if real is None else real
        return self.head((hidden * real.unsqueeze(-1)).sum(1) / real.sum(1, keepdim=True))


class BertReadsLast(_Classifier):
    def forward(self, ids: Tensor, segments: Tensor | None = None, real: Tensor | None = None):
        hidden, _ = self.bert(ids, segments, real)
        return self.head(hidden[:, -1])


class BertReadsLastPooled(_Classifier):
    def forward(self, ids: Tensor, segments: Tensor | None = None, real: Tensor | None = None):
        hidden, _ = self.bert(ids, segments, real)
        return self.head(self.bert.pooler(hidden[:, -1]).tanh())


class BertReadsUnpooled(_Classifier):
    def forward(self, ids: Tensor, segments: Tensor | None = None, real: Tensor | None = None):
        hidden, _ = self.bert(ids, segments, real)
        return self.head(hidden[:, 0])


class BertReadsEveryToken(_Classifier):
    def forward(self, ids: Tensor, segments: Tensor | None = None, real: Tensor | None = None):
        hidden, _ = self.bert(ids, segments, real)
        return self.head(hidden)

    def loss(
        self,
        ids: Tensor,
        labels: Tensor,
        segments: Tensor | None = None,
        real: Tensor | None = None,
    ) -> Tensor:
        return F.cross_entropy(self(ids, segments, real)[:, 0], labels)


class BertReadsEveryTokenInTheLoss(_Classifier):
    def forward(self, ids: Tensor, segments: Tensor | None = None, real: Tensor | None = None):
        hidden, _ = self.bert(ids, segments, real)
        return self.head(hidden)


class BertReadsEveryTokenByOwnLoss(BertReadsEveryTokenInTheLoss):
    def loss(
        self,
        ids: Tensor,
        labels: Tensor,
        segments: Tensor | None = None,
        real: Tensor | None = None,
    ) -> Tensor:
        logits = self(ids, segments, real)
        if logits.shape[:-1] != labels.shape:  # as the loss of chapter 2 does it
            raise ValueError("logits (..., classes) need targets of the shape (...)")
        return F.cross_entropy(logits, labels)


class BertWithoutSegments(_Classifier):
    def forward(self, ids: Tensor, segments: Tensor | None = None, real: Tensor | None = None):
        return super().forward(ids, None, real)


class BertWithoutReal(_Classifier):
    def forward(self, ids: Tensor, segments: Tensor | None = None, real: Tensor | None = None):
        return super().forward(ids, segments)


class BertOfIdsAlone(_Classifier):
    def forward(self, ids: Tensor, segments: Tensor | None = None, real: Tensor | None = None):
        return super().forward(ids)


class BertExchangesSegmentsAndReal(_Classifier):
    def forward(self, ids: Tensor, segments: Tensor | None = None, real: Tensor | None = None):
        return super().forward(ids, real, segments)


class BertLossOfIdsAlone(_Classifier):
    def loss(
        self,
        ids: Tensor,
        labels: Tensor,
        segments: Tensor | None = None,
        real: Tensor | None = None,
    ) -> Tensor:
        return F.cross_entropy(self(ids), labels)


class BertLossAfterSoftmax(_Classifier):
    def loss(
        self,
        ids: Tensor,
        labels: Tensor,
        segments: Tensor | None = None,
        real: Tensor | None = None,
    ) -> Tensor:
        return F.cross_entropy(self(ids, segments, real).softmax(-1), labels)


class BertLossSummed(_Classifier):
    def loss(
        self,
        ids: Tensor,
        labels: Tensor,
        segments: Tensor | None = None,
        real: Tensor | None = None,
    ) -> Tensor:
        return F.cross_entropy(self(ids, segments, real), labels, reduction="sum")


class BertOutsideTheModel(_Classifier):
    def __init__(self, bert: nn.Module, num_classes: int, dropout: float = 0.1):
        super().__init__(bert, num_classes, dropout)
        del self.bert
        self.below = [bert]

    def forward(self, ids: Tensor, segments: Tensor | None = None, real: Tensor | None = None):
        return self.head(self.below[0](ids, segments, real)[1])


class BertFrozenByNoGrad(_Classifier):
    def forward(self, ids: Tensor, segments: Tensor | None = None, real: Tensor | None = None):
        with torch.no_grad():
            _, pooled = self.bert(ids, segments, real)
        return self.head(pooled)


class BertFrozenByDetach(_Classifier):
    def forward(self, ids: Tensor, segments: Tensor | None = None, real: Tensor | None = None):
        hidden, _ = self.bert(ids, segments, real)
        return self.head(self.bert.pooler(hidden.detach()[:, 0]).tanh())


class BertOfACopy(_Classifier):
    def __init__(self, bert: nn.Module, num_classes: int, dropout: float = 0.1):
        import copy

        super().__init__(copy.deepcopy(bert), num_classes, dropout)


class BertKeepsDropout(_Classifier):
    def __init__(self, bert: nn.Module, num_classes: int, dropout: float = 0.1):
        super().__init__(bert, num_classes)


class BertNeverDrops(_Classifier):
    def __init__(self, bert: nn.Module, num_classes: int, dropout: float = 0.1):
        super().__init__(bert, num_classes, 0.0)


class BertAlwaysDrops(_Classifier):
    def forward(self, ids: Tensor, segments: Tensor | None = None, real: Tensor | None = None):
        _, pooled = self.bert(ids, segments, real)
        return self.head.dense(F.dropout(pooled, self.head.dropout))


class BertStepByStep(nn.Module):
    def __init__(self, bert: nn.Module, num_classes: int, dropout: float = 0.1):
        super().__init__()
        self.encoder = bert
        self.head = _Head(bert.config.d_model, num_classes, dropout)

    def forward(self, ids: Tensor, segments: Tensor | None = None, real: Tensor | None = None):
        hidden, _ = self.encoder.hidden(ids, segments, real)
        return self.head(self.encoder.pooler(hidden[:, 0]).tanh())

    def loss(
        self,
        ids: Tensor,
        labels: Tensor,
        segments: Tensor | None = None,
        real: Tensor | None = None,
    ) -> Tensor:
        chances = self.forward(ids, segments, real).log_softmax(-1)
        return -chances.gather(1, labels.unsqueeze(1)).mean()


class BertByKeywords(nn.Module):
    def __init__(self, bert: nn.Module, num_classes: int, dropout: float = 0.1):
        super().__init__()
        self.head = _Head(bert.config.d_model, num_classes, dropout=dropout)
        self.bert = bert

    def forward(self, ids: Tensor, segments: Tensor | None = None, real: Tensor | None = None):
        return self.head(self.bert(ids=ids, segments=segments, real=real)[1])

    def loss(
        self,
        ids: Tensor,
        labels: Tensor,
        segments: Tensor | None = None,
        real: Tensor | None = None,
    ) -> Tensor:
        logits = self(ids, segments=segments, real=real)
        right = logits[torch.arange(len(labels)), labels]
        return (logits.logsumexp(-1) - right).mean()


# freeze_layers


def _freeze(*modules: nn.Module) -> None:
    for module in modules:
        for weight in module.parameters():
            weight.requires_grad_(False)


def freeze_by_attribute(model: nn.Module, num_layers: int) -> nn.Module:
    for module in (model.embeddings, *model.encoder.blocks[:num_layers]):
        module.requires_grad = False
    return model


def freeze_blocks_by_attribute(model: nn.Module, num_layers: int) -> nn.Module:
    _freeze(model.embeddings)
    for block in model.encoder.blocks[:num_layers]:
        block.requires_grad = False
    return model


def freeze_embeddings_by_attribute(model: nn.Module, num_layers: int) -> nn.Module:
    model.embeddings.requires_grad = False
    _freeze(*model.encoder.blocks[:num_layers])
    return model


def freeze_by_no_gradient(model: nn.Module, num_layers: int) -> nn.Module:
    for module in (model.embeddings, *model.encoder.blocks[:num_layers]):
        for weight in module.parameters():
            weight.grad = None
    return model


def freeze_everything(model: nn.Module, num_layers: int) -> nn.Module:
    _freeze(model)
    return model


def freeze_blocks_only(model: nn.Module, num_layers: int) -> nn.Module:
    _freeze(*model.encoder.blocks[:num_layers])
    return model


def freeze_embeddings_only(model: nn.Module, num_layers: int) -> nn.Module:
    _freeze(model.embeddings)
    return model


def freeze_one_more(model: nn.Module, num_layers: int) -> nn.Module:
    _freeze(model.embeddings, *model.encoder.blocks[: num_layers + 1])
    return model


def freeze_one_less(model: nn.Module, num_layers: int) -> nn.Module:
    _freeze(model.embeddings, *model.encoder.blocks[: max(0, num_layers - 1)])
    return model


def freeze_one_block(model: nn.Module, num_layers: int) -> nn.Module:
    _freeze(model.embeddings, model.encoder.blocks[min(num_layers, len(model.encoder.blocks)) - 1])
    return model


def freeze_all_blocks(model: nn.Module, num_layers: int) -> nn.Module:
    _freeze(model.embeddings, model.encoder.blocks)
    return model


def freeze_by_part_of_a_name(model: nn.Module, num_layers: int) -> nn.Module:
    for name, weight in model.named_parameters():
        early = any(f"blocks.{number}" in name for number in range(num_layers))
        if name.startswith("embeddings") or early:
            weight.requires_grad = False
    return model


def freeze_by_first_digit(model: nn.Module, num_layers: int) -> nn.Module:
    for name, weight in model.named_parameters():
        number = name.partition("blocks.")[2][:1]
        if name.startswith("embeddings") or (number and int(number) < num_layers):
            weight.requires_grad = False
    return model


def freeze_late_blocks(model: nn.Module, num_layers: int) -> nn.Module:
    _freeze(
        model.embeddings, *reversed(model.encoder.blocks[len(model.encoder.blocks) - num_layers :])
    )
    return model


def freeze_from_the_end(model: nn.Module, num_layers: int) -> nn.Module:
    _freeze(model.embeddings, *reversed(model.encoder.blocks[-num_layers:]))
    return model


def freeze_a_copy(model: nn.Module, num_layers: int) -> nn.Module:
    import copy

    model = copy.deepcopy(model)
    _freeze(model.embeddings, *model.encoder.blocks[:num_layers])
    return model


def freeze_what_comes_after(model: nn.Module, num_layers: int) -> nn.Module:
    _freeze(model.embeddings, *model.encoder.blocks[num_layers:])
    return model


def freeze_pooler_too(model: nn.Module, num_layers: int) -> nn.Module:
    _freeze(model.embeddings, model.pooler, *model.encoder.blocks[:num_layers])
    return model


def freeze_weights_not_biases(model: nn.Module, num_layers: int) -> nn.Module:
    _freeze(model.embeddings)
    for block in model.encoder.blocks[:num_layers]:
        for weight in block.parameters():
            weight.requires_grad_(weight.dim() < 2)
    return model


def freeze_the_wrong_way_round(model: nn.Module, num_layers: int) -> nn.Module:
    _freeze(model)
    for module in (model.embeddings, *model.encoder.blocks[:num_layers]):
        module.requires_grad_(True)
    return model


def freeze_without_return(model: nn.Module, num_layers: int) -> nn.Module:
    _freeze(model.embeddings, *model.encoder.blocks[:num_layers])


def freeze_weight_by_weight(model: nn.Module, num_layers: int) -> nn.Module:
    for weight in model.embeddings.parameters():
        weight.requires_grad = False
    for number, block in enumerate(model.encoder.blocks):
        if number < num_layers:
            for weight in block.parameters():
                weight.requires_grad = False
    return model


def freeze_by_name(model: nn.Module, num_layers: int) -> nn.Module:
    starts = ["embeddings."] + [f"encoder.blocks.{i}." for i in range(num_layers)]
    for name, weight in model.named_parameters():
        if name.startswith(tuple(starts)):
            weight.requires_grad_(False)
    return model
