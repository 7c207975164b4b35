"""Models that write: on from a text, from one text to another, in a chat."""

from typing import Any

from transformers import (
    BartConfig,
    BartForConditionalGeneration,
    GPT2Config,
    GPT2LMHeadModel,
    GPT2Tokenizer,
    LlamaConfig,
    LlamaForCausalLM,
    RobertaTokenizer,
    T5Config,
    T5ForConditionalGeneration,
    T5Tokenizer,
)

from chorus.standins.tasks.decoding import brief, readable
from chorus.standins.tasks.tokenizers import (
    CHAT_SPECIAL,
    CHAT_TEMPLATE,
    ROBERTA_SPECIAL,
    byte_pairs,
    pieces,
)
from chorus.standins.tasks.weights import widened

WIDTH = 32
CONTEXT = 1024  # tokens: room for a prompt and a long answer
END_OF_TEXT = "<|endoftext|>"
LANGUAGES = {"fr": "French", "de": "German", "ro": "Romanian"}


def text_generation() -> list[Any]:
    """GPT-2, which ends with its end token or after what it was asked for."""
    tokenizer = _gpt2_tokenizer()
    config = GPT2Config(
        vocab_size=len(tokenizer),
        n_positions=CONTEXT,
        n_embd=WIDTH,
        n_layer=2,
        n_head=2,
        tie_word_embeddings=False,  # tied and random, it would repeat its last word for ever
        **_ends(tokenizer),
    )
    return _writer(GPT2LMHeadModel(config), tokenizer)


def conversational() -> list[Any]:
    """Llama, the architecture of small chat models."""
    tokenizer = _gpt2_tokenizer(end="<|end|>")
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        max_position_embeddings=CONTEXT,
        hidden_size=WIDTH,
        intermediate_size=2 * WIDTH,
        num_hidden_layers=2,
        num_attention_heads=2,
        **_ends(tokenizer),
    )
    return _writer(LlamaForCausalLM(config), tokenizer)


def text2text_generation() -> list[Any]:
    """T5."""
    return _t5()


def translation() -> list[Any]:
    """T5 with the prefixes that choose the language."""
    return _t5(
        task_specific_params={
            f"translation_en_to_{code}": {"prefix": f"translate English to {language}: "}
            for code, language in LANGUAGES.items()
        }
    )


def summarization() -> list[Any]:
    """BART."""
    vocabulary, merges = byte_pairs(ROBERTA_SPECIAL)
    tokenizer = RobertaTokenizer(vocab=vocabulary, merges=merges, model_max_length=CONTEXT)
    config = BartConfig(
        vocab_size=len(tokenizer),
        max_position_embeddings=CONTEXT,
        d_model=WIDTH,
        encoder_layers=1,
        decoder_layers=1,
        encoder_ffn_dim=2 * WIDTH,
        decoder_ffn_dim=2 * WIDTH,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        tie_word_embeddings=False,
    )
    return _writer(BartForConditionalGeneration(config), tokenizer)


def _gpt2_tokenizer(end: str = END_OF_TEXT) -> Any:
    vocabulary, merges = byte_pairs((END_OF_TEXT, *CHAT_SPECIAL))
    return GPT2Tokenizer(
        vocab=vocabulary,
        merges=merges,
        bos_token=END_OF_TEXT,
        eos_token=end,
        pad_token=END_OF_TEXT,
        additional_special_tokens=list(CHAT_SPECIAL),
        chat_template=CHAT_TEMPLATE,
        model_max_length=CONTEXT,
    )


def _t5(**options: Any) -> list[Any]:
    tokenizer = T5Tokenizer(
        vocab=pieces(("<pad>", "</s>", "<unk>")), extra_ids=0, model_max_length=CONTEXT
    )
    config = T5Config(
        vocab_size=len(tokenizer),
        d_model=WIDTH,
        d_kv=WIDTH // 2,
        d_ff=2 * WIDTH,
        num_layers=1,
        num_heads=2,
        decoder_start_token_id=0,
        tie_word_embeddings=False,
        **options,
    )
    return _writer(T5ForConditionalGeneration(config), tokenizer)


def _writer(model: Any, tokenizer: Any) -> list[Any]:
    return [brief(readable(widened(model), tokenizer)), tokenizer]


def _ends(tokenizer: Any) -> dict[str, int]:
    return {
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }
