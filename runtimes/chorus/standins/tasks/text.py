"""Encoders of text: they classify, mark, fill in, extract and embed."""

from collections.abc import Sequence
from typing import Any

from transformers import (
    BertConfig,
    BertModel,
    BertTokenizer,
    DistilBertConfig,
    DistilBertForQuestionAnswering,
    DistilBertForSequenceClassification,
    DistilBertForTokenClassification,
    DistilBertTokenizer,
    RobertaConfig,
    RobertaForMaskedLM,
    RobertaTokenizer,
    TapasConfig,
    TapasForQuestionAnswering,
    TapasTokenizer,
)

from chorus.standins.tasks.decoding import readable
from chorus.standins.tasks.labels import AGGREGATIONS, CLINICAL, ENTAILMENT, SENTIMENT, numbered
from chorus.standins.tasks.tokenizers import (
    LONGEST,
    ROBERTA_SPECIAL,
    byte_pairs,
    from_file,
    word_pieces,
)
from chorus.standins.tasks.weights import widened

WIDTH = 32


def text_classification() -> list[Any]:
    """DistilBERT that tells positive from negative."""
    return _distilbert(DistilBertForSequenceClassification, SENTIMENT)


def zero_shot_classification() -> list[Any]:
    """DistilBERT that tells what follows from what."""
    return _distilbert(DistilBertForSequenceClassification, ENTAILMENT)


def sentence_ranking() -> list[Any]:
    """DistilBERT that scores how well a text answers a query."""
    return _distilbert(DistilBertForSequenceClassification, ("LABEL_0",))


def token_classification() -> list[Any]:
    """DistilBERT that marks what a clinical report speaks of."""
    return _distilbert(DistilBertForTokenClassification, CLINICAL)


def question_answering() -> list[Any]:
    """DistilBERT that points at an answer."""
    return _distilbert(DistilBertForQuestionAnswering, ("LABEL_0", "LABEL_1"))


def fill_mask() -> list[Any]:
    """RoBERTa that fills <mask>."""
    vocabulary, merges = byte_pairs(ROBERTA_SPECIAL)
    tokenizer = RobertaTokenizer(vocab=vocabulary, merges=merges, model_max_length=LONGEST)
    config = RobertaConfig(
        vocab_size=len(tokenizer),
        max_position_embeddings=LONGEST + 2,  # its positions begin behind that of the padding
        type_vocab_size=1,
        tie_word_embeddings=False,
        **_sizes(),
    )
    return [readable(widened(RobertaForMaskedLM(config)), tokenizer), tokenizer]


def table_question_answering() -> list[Any]:
    """TAPAS that chooses cells and what to do with them."""
    tokenizer = from_file(TapasTokenizer, list(word_pieces()), model_max_length=LONGEST)
    config = TapasConfig(
        vocab_size=len(tokenizer),
        max_position_embeddings=LONGEST,
        type_vocab_sizes=[3, 64, 64, 64, 64, 64, 10],
        num_aggregation_labels=len(AGGREGATIONS),
        aggregation_labels=dict(enumerate(AGGREGATIONS)),
        no_aggregation_label_index=AGGREGATIONS.index("NONE"),
        **_sizes(),
    )
    return [widened(TapasForQuestionAnswering(config)), tokenizer]


def embeddings() -> list[Any]:
    """BERT without a head, for vectors of tokens and of sentences."""
    tokenizer = BertTokenizer(vocab=word_pieces(), model_max_length=LONGEST)
    config = BertConfig(vocab_size=len(tokenizer), max_position_embeddings=LONGEST, **_sizes())
    return [widened(BertModel(config, add_pooling_layer=False)), tokenizer]


def _distilbert(kind: Any, labels: Sequence[str]) -> list[Any]:
    tokenizer = DistilBertTokenizer(vocab=word_pieces(), model_max_length=LONGEST)
    config = DistilBertConfig(
        vocab_size=len(tokenizer),
        max_position_embeddings=LONGEST,
        dim=WIDTH,
        hidden_dim=2 * WIDTH,
        n_layers=2,
        n_heads=2,
        **numbered(labels),
    )
    return [widened(kind(config)), tokenizer]


def _sizes() -> dict[str, int]:
    return {
        "hidden_size": WIDTH,
        "intermediate_size": 2 * WIDTH,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
    }
