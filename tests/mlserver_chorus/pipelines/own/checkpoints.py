"""Files of tiny checkpoints, in forms that transformers 4.41 reads as well."""

from __future__ import annotations

import json
import string
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mlserver_chorus.pipelines.own import build

SPECIALS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[BOS]", "[EOS]")
WORDS = ("the", "tower", "is", "in", "paris", "and", "bridge", "over", "river", "where", "who")
VOCABULARY = (
    *SPECIALS,
    *WORDS,
    *string.ascii_lowercase,
    *(f"##{letter}" for letter in string.ascii_lowercase),
    *"?.,!:'0123456789|",
)
SMALL = {
    "hidden_size": 16,
    "intermediate_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
}
IMAGE = {"image_size": 32, "patch_size": 16}
TEMPLATE = (
    "{% for message in messages %}{% if message.role == 'system' and not loop.first %}"
    "{{ raise_exception('the system speaks first') }}{% endif %}"
    "{{ message.role[0] }} : {{ message.content }} | {% endfor %}"
    "{% if add_generation_prompt %}a : {% endif %}"
)


def save_tokenizer(
    folder: Path, *, single: str = "[CLS] $A [SEP]", begin: str = "[CLS]", **settings: Any
) -> None:
    """A WordPiece tokenizer that knows letters and a few words, as JSON files."""
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

    ids = {token: index for index, token in enumerate(VOCABULARY)}
    tokenizer = Tokenizer(models.WordPiece(ids, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece(cleanup=False)
    tokenizer.add_special_tokens(list(SPECIALS))
    tokenizer.post_processor = processors.TemplateProcessing(
        single=single,
        pair=f"{begin} $A [SEP] $B:1 [SEP]:1",
        special_tokens=[(token, ids[token]) for token in SPECIALS],
    )
    tokenizer.save(str(folder / "tokenizer.json"))
    names = dict(zip(("pad", "unk", "cls", "sep", "bos", "eos"), SPECIALS, strict=True))
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        **{f"{name}_token": token for name, token in names.items()},
        "model_input_names": ["input_ids", "attention_mask"],
        "model_max_length": 64,
        **settings,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(config))


def save_image_processor(folder: Path, kind: str = "ViTImageProcessor", **settings: Any) -> None:
    """An image processor for pictures of 32 by 32."""
    config = {"image_processor_type": kind, "size": {"height": 32, "width": 32}, **settings}
    (folder / "preprocessor_config.json").write_text(json.dumps(config))


def add_to_config(folder: Path, **values: Any) -> None:
    """Further fields of config.json, such as older versions wrote."""
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


def add_tied_weights(module: Any, file: Path) -> None:
    """Those that are saved under another name only, where 4.41 does not find all of them."""
    from safetensors.torch import load_file, save_file

    named = {name for name, _ in (*module.named_parameters(), *module.named_buffers())}
    tied = {name: value for name, value in module.state_dict().items() if name not in named}
    weights = {**load_file(file), **{name: value.clone() for name, value in tied.items()}}
    save_file(weights, file, metadata={"format": "pt"})


def save_translator(folder: Path, family: str, size: int, **fields: Any) -> None:
    """Random weights of a translation model, big enough to tell languages apart."""
    import torch
    import transformers

    torch.manual_seed(3)
    model = getattr(transformers, family)
    sides = {
        f"{side}_{what}": number
        for side in ("encoder", "decoder")
        for what, number in {"layers": 2, "attention_heads": 2, "ffn_dim": 32}.items()
    }
    config = {"vocab_size": size, "d_model": 16, "max_position_embeddings": 64, **sides, **fields}
    module = model(model.config_class(**config))
    with torch.no_grad():
        for weights in module.parameters():
            weights.mul_(4.0)
    module.save_pretrained(folder)
    (folder / "generation_config.json").unlink()


def save_m2m(folder: Path) -> None:
    """M2M, whose languages are `__en__` in its vocabulary and `en` in requests."""
    import sentencepiece

    model = folder / "sentencepiece.bpe.model"
    with model.open("wb") as file:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter([" ".join(WORDS)] * 20),
            model_writer=file,
            vocab_size=40,
            model_type="bpe",
            minloglevel=2,
        )
    trained = sentencepiece.SentencePieceProcessor(model_file=str(model))
    pieces = [trained.id_to_piece(index) for index in range(3, trained.get_piece_size())]
    vocabulary = ["<s>", "<pad>", "</s>", "<unk>", *pieces]
    ids = {piece: index for index, piece in enumerate(vocabulary)}
    (folder / "vocab.json").write_text(json.dumps(ids))
    (folder / "tokenizer_config.json").write_text(
        json.dumps({"tokenizer_class": "M2M100Tokenizer", "model_max_length": 64})
    )
    # 100 languages and 8 words that fairseq made up follow the pieces.
    save_translator(folder, "M2M100ForConditionalGeneration", len(vocabulary) + 108)


def save_mbart(folder: Path) -> None:
    """mBART, whose languages are special tokens as they are: `en_XX`."""
    from transformers import MBartTokenizer

    pieces = [("<s>", 0.0), ("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0)]
    pieces += [(f"▁{word}", -1.0) for word in WORDS]
    pieces += [(letter, -9.0) for letter in f"▁{string.ascii_lowercase}"]
    tokenizer = MBartTokenizer(vocab=pieces)
    tokenizer.save_pretrained(folder)
    save_translator(
        folder, "MBartForConditionalGeneration", len(tokenizer), forced_eos_token_id=None
    )


def made(task: str, folder: Path) -> Callable[..., list[Any]]:
    """The task on the CPU."""
    return build(task, folder, "cpu")
