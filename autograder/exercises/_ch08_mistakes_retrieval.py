"""Chapter 8's mistakes and alternatives, second part: finding passages and using them.

Every definition is lifted out of this file and run in place of a learner's, so its body uses only
torch, math and its neighbours here. The names say what is wrong, or how it is done otherwise.
"""

import torch
from torch import Tensor

TEMPLATE = "{passages}\nQuestion: {question}\nAnswer:"


# embed_passages


def embedding_drops_the_rest(encode, passages: list[str], batch_size: int = 32) -> Tensor:
    batches = len(passages) // batch_size
    with torch.no_grad():
        starts = [number * batch_size for number in range(batches)]
        parts = [encode(passages[start : start + batch_size]) for start in starts]
    return torch.cat(parts)


def embedding_with_gradients(encode, passages: list[str], batch_size: int = 32) -> Tensor:
    starts = range(0, len(passages), batch_size)
    return torch.cat([encode(passages[start : start + batch_size]) for start in starts])


def embedding_all_at_once(encode, passages: list[str], batch_size: int = 32) -> Tensor:
    with torch.no_grad():
        return encode(passages)


def embedding_all_at_once_with_gradients(
    encode, passages: list[str], batch_size: int = 32
) -> Tensor:
    return encode(passages)


def embedding_one_by_one(encode, passages: list[str], batch_size: int = 32) -> Tensor:
    with torch.no_grad():
        return torch.cat([encode([passage]) for passage in passages])


def embedding_switches_gradients_off(encode, passages: list[str], batch_size: int = 32) -> Tensor:
    torch.set_grad_enabled(False)
    starts = range(0, len(passages), batch_size)
    return torch.cat([encode(passages[start : start + batch_size]) for start in starts])


def embedding_that_empties_the_shelf(encode, passages: list[str], batch_size: int = 32) -> Tensor:
    parts = []
    with torch.no_grad():
        while passages:
            parts.append(encode(passages[:batch_size]))
            del passages[:batch_size]
    return torch.cat(parts)


def embedding_that_sorts_the_shelf(encode, passages: list[str], batch_size: int = 32) -> Tensor:
    first = list(passages)
    passages.sort(key=len)
    with torch.no_grad():
        starts = range(0, len(passages), batch_size)
        parts = [encode(first[start : start + batch_size]) for start in starts]
    return torch.cat(parts)


def embedding_first_batch(encode, passages: list[str], batch_size: int = 32) -> Tensor:
    with torch.no_grad():
        return encode(passages[:batch_size])


def embedding_overlapping(encode, passages: list[str], batch_size: int = 32) -> Tensor:
    with torch.no_grad():
        starts = range(len(passages))
        return torch.cat([encode(passages[start : start + batch_size]) for start in starts])


def embedding_as_list(encode, passages: list[str], batch_size: int = 32) -> Tensor:
    starts = range(0, len(passages), batch_size)
    with torch.no_grad():
        return [encode(passages[start : start + batch_size]) for start in starts]


def embedding_sorts_the_shelf_first(encode, passages: list[str], batch_size: int = 32) -> Tensor:
    passages.sort(key=len)
    with torch.no_grad():
        starts = range(0, len(passages), batch_size)
        return torch.cat([encode(passages[start : start + batch_size]) for start in starts])


def embedding_of_the_shelf_sorted(encode, passages: list[str], batch_size: int = 32) -> Tensor:
    ordered = sorted(passages, key=len)
    starts = range(0, len(passages), batch_size)
    with torch.no_grad():
        return torch.cat([encode(ordered[start : start + batch_size]) for start in starts])


def embedding_last_batch(encode, passages: list[str], batch_size: int = 32) -> Tensor:
    with torch.no_grad():
        for start in range(0, len(passages), batch_size):
            vectors = encode(passages[start : start + batch_size])
    return vectors


def embedding_without_the_last_batch(encode, passages: list[str], batch_size: int = 32) -> Tensor:
    starts = range(0, len(passages) - batch_size, batch_size)
    with torch.no_grad():
        return torch.cat([encode(passages[start : start + batch_size]) for start in starts])


def embedding_with_slices_that_end_too_early(
    encode, passages: list[str], batch_size: int = 32
) -> Tensor:
    starts = range(0, len(passages), batch_size)
    with torch.no_grad():
        return torch.cat([encode(passages[start:batch_size]) for start in starts])


def embedding_thirty_two_at_a_time(encode, passages: list[str], batch_size: int = 32) -> Tensor:
    starts = range(0, len(passages), 32)
    with torch.no_grad():
        return torch.cat([encode(passages[start : start + 32]) for start in starts])


def embedding_as_list_of_vectors(encode, passages: list[str], batch_size: int = 32) -> Tensor:
    rows = []
    with torch.no_grad():
        for start in range(0, len(passages), batch_size):
            rows.extend(encode(passages[start : start + batch_size]))
    return rows


def embedding_in_as_many_batches(encode, passages: list[str], batch_size: int = 32) -> Tensor:
    size = -(-len(passages) // batch_size)
    with torch.no_grad():
        starts = range(0, len(passages), size)
        return torch.cat([encode(passages[start : start + size]) for start in starts])


def embedding_one_by_one_with_gradients(
    encode, passages: list[str], batch_size: int = 32
) -> Tensor:
    return torch.cat([encode([passage]) for passage in passages])


def embedding_drops_the_rest_with_gradients(
    encode, passages: list[str], batch_size: int = 32
) -> Tensor:
    full = len(passages) // batch_size * batch_size
    starts = range(0, full, batch_size)
    return torch.cat([encode(passages[start : start + batch_size]) for start in starts])


def embedding_an_empty_batch(encode, passages: list[str], batch_size: int = 32) -> Tensor:
    starts = range(0, len(passages) + 1, batch_size)
    with torch.no_grad():
        return torch.cat([encode(passages[start : start + batch_size]) for start in starts])


def embedding_into_a_list(encode, passages: list[str], batch_size: int = 32) -> Tensor:
    rows = []
    with torch.no_grad():
        for start in range(0, len(passages), batch_size):
            rows.extend(encode(passages[start : start + batch_size]))
    return torch.stack(rows)


def embedding_while_some_are_left(encode, passages: list[str], batch_size: int = 32) -> Tensor:
    waiting, parts = list(passages), []
    with torch.inference_mode():
        while waiting:
            parts.append(encode(waiting[:batch_size]))
            waiting = waiting[batch_size:]
        return torch.cat(parts, dim=0)


def embedding_and_then_detached(encode, passages: list[str], batch_size: int = 32) -> Tensor:
    starts = range(0, len(passages), batch_size)
    return torch.cat([encode(passages[start : start + batch_size]).detach() for start in starts])


# recall_at_k


def recall_as_precision(places: Tensor, right: Tensor, k: int) -> float:
    hits = places[:, :k] == right.unsqueeze(1)
    return hits.double().mean().item()


def recall_of_all_that_was_found(places: Tensor, right: Tensor, k: int) -> float:
    return (places == right.unsqueeze(1)).any(dim=1).double().mean().item()


def recall_at_one_more(places: Tensor, right: Tensor, k: int) -> float:
    return (places[:, : k + 1] == right.unsqueeze(1)).any(dim=1).double().mean().item()


def recall_at_exactly_k(places: Tensor, right: Tensor, k: int) -> float:
    return (places[:, k - 1] == right).double().mean().item()


def recall_at_the_first(places: Tensor, right: Tensor, k: int) -> float:
    return (places[:, 0] == right).double().mean().item()


def recall_as_a_count(places: Tensor, right: Tensor, k: int) -> float:
    return (places[:, :k] == right.unsqueeze(1)).any(dim=1).sum().item()


def recall_in_per_cent(places: Tensor, right: Tensor, k: int) -> float:
    return 100 * (places[:, :k] == right.unsqueeze(1)).any(dim=1).double().mean().item()


def recall_of_all_queries(places: Tensor, right: Tensor, k: int) -> float:
    return (places[:, :k] == right.unsqueeze(1)).all(dim=1).double().mean().item()


def recall_of_any_query(places: Tensor, right: Tensor, k: int) -> float:
    return float((places[:, :k] == right.unsqueeze(1)).any().item())


def recall_of_the_first_questions(places: Tensor, right: Tensor, k: int) -> float:
    return (places[:k] == right[:k].unsqueeze(1)).any(dim=1).double().mean().item()


def recall_in_anybodys_findings(places: Tensor, right: Tensor, k: int) -> float:
    return torch.isin(right, places[:, :k]).double().mean().item()


def recall_down_the_columns(places: Tensor, right: Tensor, k: int) -> float:
    return (places[:, :k] == right.unsqueeze(1)).any(dim=0).double().mean().item()


def recall_by_rank(places: Tensor, right: Tensor, k: int) -> float:
    hits = (places[:, :k] == right.unsqueeze(1)).double()
    ranks = torch.arange(1, hits.shape[1] + 1, device=hits.device)
    return (hits / ranks).sum(dim=1).mean().item()


def recall_of_what_is_missed(places: Tensor, right: Tensor, k: int) -> float:
    return 1 - (places[:, :k] == right.unsqueeze(1)).any(dim=1).double().mean().item()


def recall_as_a_count_over_k(places: Tensor, right: Tensor, k: int) -> float:
    return (places[:, :k] == right.unsqueeze(1)).any(dim=1).sum().item() / k


def recall_at_one_less(places: Tensor, right: Tensor, k: int) -> float:
    return (places[:, : k - 1] == right.unsqueeze(1)).any(dim=1).double().mean().item()


def recall_of_each_question(places: Tensor, right: Tensor, k: int) -> float:
    return (places[:, :k] == right.unsqueeze(1)).any(dim=1)


def recall_by_sum(places: Tensor, right: Tensor, k: int) -> float:
    hits = (places[:, :k] == right[:, None]).sum(dim=1)
    return (hits.sum() / len(right)).item()


def recall_by_loop(places: Tensor, right: Tensor, k: int) -> float:
    found = [int(one) in row[:k].tolist() for row, one in zip(places, right, strict=True)]
    return sum(found) / len(found)


# build_prompt


def prompt_with_passages_behind(
    question: str, passages: list[str], template: str = TEMPLATE
) -> str:
    return template.format(passages=question, question="\n".join(passages))


def prompt_with_its_own_words(question: str, passages: list[str], template: str = TEMPLATE) -> str:
    return TEMPLATE.format(passages="\n".join(passages), question=question)


def prompt_question_first(question: str, passages: list[str], template: str = TEMPLATE) -> str:
    return "\n".join([question, *passages])


def prompt_with_spaces(question: str, passages: list[str], template: str = TEMPLATE) -> str:
    return template.format(passages=" ".join(passages), question=question)


def prompt_with_empty_lines(question: str, passages: list[str], template: str = TEMPLATE) -> str:
    return template.format(passages="\n\n".join(passages), question=question)


def prompt_run_together(question: str, passages: list[str], template: str = TEMPLATE) -> str:
    return template.format(passages="".join(passages), question=question)


def prompt_with_a_line_end_too_many(
    question: str, passages: list[str], template: str = TEMPLATE
) -> str:
    return template.format(passages="".join(f"{each}\n" for each in passages), question=question)


def prompt_with_a_list(question: str, passages: list[str], template: str = TEMPLATE) -> str:
    return template.format(passages=passages, question=question)


def prompt_with_the_best_only(question: str, passages: list[str], template: str = TEMPLATE) -> str:
    return template.format(passages=passages[0], question=question)


def prompt_that_needs_a_passage(
    question: str, passages: list[str], template: str = TEMPLATE
) -> str:
    text = passages[0]
    for passage in passages[1:]:
        text += "\n" + passage
    return template.format(passages=text, question=question)


def prompt_with_the_best_last(question: str, passages: list[str], template: str = TEMPLATE) -> str:
    return template.format(passages="\n".join(reversed(passages)), question=question)


def prompt_with_passages_sorted(
    question: str, passages: list[str], template: str = TEMPLATE
) -> str:
    return template.format(passages="\n".join(sorted(passages)), question=question)


def prompt_replaced_twice(question: str, passages: list[str], template: str = TEMPLATE) -> str:
    text = template.replace("{passages}", "\n".join(passages))
    return text.replace("{question}", question)


def prompt_formatted_twice(question: str, passages: list[str], template: str = TEMPLATE) -> str:
    text = template.replace("{passages}", "\n".join(passages))
    return text.format(question=question)


def prompt_with_numbers(question: str, passages: list[str], template: str = TEMPLATE) -> str:
    lines = [f"{number}. {passage}" for number, passage in enumerate(passages, 1)]
    return template.format(passages="\n".join(lines), question=question)


def prompt_with_numbers_from_zero(
    question: str, passages: list[str], template: str = TEMPLATE
) -> str:
    lines = [f"{number}. {passage}" for number, passage in enumerate(passages)]
    return template.format(passages="\n".join(lines), question=question)


def prompt_with_dashes(question: str, passages: list[str], template: str = TEMPLATE) -> str:
    lines = [f"- {passage}" for passage in passages]
    return template.format(passages="\n".join(lines), question=question)


def prompt_with_the_question_replaced_first(
    question: str, passages: list[str], template: str = TEMPLATE
) -> str:
    text = template.replace("{question}", question)
    return text.replace("{passages}", "\n".join(passages))


def prompt_with_the_question_formatted_first(
    question: str, passages: list[str], template: str = TEMPLATE
) -> str:
    text = template.replace("{question}", question)
    return text.format(passages="\n".join(passages))


def prompt_with_the_braces_left(
    question: str, passages: list[str], template: str = TEMPLATE
) -> str:
    return template.replace("passages", "\n".join(passages)).replace("question", question)


def prompt_by_format_map(question: str, passages: list[str], template: str = TEMPLATE) -> str:
    fields = {"question": question, "passages": "\n".join(passages)}
    return template.format_map(fields)


def prompt_by_growing(question: str, passages: list[str], template: str = TEMPLATE) -> str:
    lines = ""
    for number, passage in enumerate(passages):
        lines += ("\n" if number else "") + passage
    return template.format(passages=lines, question=question)


def prompt_by_cutting(question: str, passages: list[str], template: str = TEMPLATE) -> str:
    pieces = []
    for part in template.split("{passages}"):
        pieces.append(question.join(part.split("{question}")))
    return "\n".join(passages).join(pieces)
