"""Text in, text out by an encoder-decoder: summarization, text2text-generation, translation."""

from __future__ import annotations

from typing import Any

from transformers import AutoModelForSeq2SeqLM

from . import limits
from .checkpoint import Checkpoint
from .generation import generate, lend_padding, lengths
from .options import Options, read
from .rows import encode, tensors


class TextToText:
    """Texts to `[{"generated_text": str}, …]`, one item per returned sequence."""

    answer = "generated_text"

    def __init__(self, task: str, checkpoint: Checkpoint, options: Options) -> None:
        self.tokenizer = checkpoint.tokenizer
        self.model = checkpoint.model(AutoModelForSeq2SeqLM)
        self._task = task
        self._options = options
        self._presets = getattr(self.model.config, "task_specific_params", None) or {}
        self._readable = limits.readable(self.model, self.tokenizer)
        self._comfortable = limits.comfortable(self.model, self.tokenizer)
        self._writable = limits.writable(self.model)
        lend_padding(self.model, self.tokenizer)

    def __call__(self, inputs: list[Any], **options: Any) -> list[Any]:
        """One list of answers per text. Raises ValueError."""
        chosen = read(options, self._options)
        clean = chosen.pop("clean_up_tokenization_spaces", False)
        truncation = chosen.pop("truncation", False)
        settings = {**self._defaults(chosen), **chosen}
        prefix = settings.pop("prefix", None) or getattr(self.model.config, "prefix", None) or ""
        settings |= lengths(self.model, settings, prompt=1, limit=self._writable)
        return [
            [
                {self.answer: self._decode(ids, clean=clean)}
                for ids in generate(self.model, self._encode(prefix, text, truncation), settings)
            ]
            for text in inputs
        ]

    def _defaults(self, chosen: dict[str, Any]) -> dict[str, Any]:
        """What the checkpoint sets for this task; takes out of `chosen` what only it reads."""
        return dict(self._presets.get(self._task, {}))

    def _encode(self, prefix: str, text: Any, truncation: bool | str) -> dict[str, Any]:
        if not isinstance(text, str):
            raise ValueError("the input must be a string")
        # Positions are a limit that no request can lift; what the tokenizer states is one for those
        # that ask to truncate, for T5 reads on behind it.
        whole = truncation in (False, "do_not_truncate")
        limit = self._readable if whole else self._comfortable
        row = encode(self.tokenizer, prefix + text, limit=limit)
        row.pop("token_type_ids", None)  # `generate` would refuse them
        return tensors(self.model, [row])

    def _decode(self, ids: list[int], *, clean: bool) -> str:
        text: str = self.tokenizer.decode(
            ids, skip_special_tokens=True, clean_up_tokenization_spaces=clean
        )
        return text


class Summarization(TextToText):
    """Texts to `[{"summary_text": str}, …]`."""

    answer = "summary_text"


class Translation(TextToText):
    """Texts to `[{"translation_text": str}, …]`.

    The languages are those of the request, else of the task's name. mBART, NLLB and M2M have them
    in their tokenizer, T5 as presets of its configuration; models of one direction ignore them.
    """

    answer = "translation_text"

    def _defaults(self, chosen: dict[str, Any]) -> dict[str, Any]:
        named = self._task.removeprefix("translation").removeprefix("_").partition("_to_")
        source = chosen.pop("src_lang", named[0] or None)
        target = chosen.pop("tgt_lang", named[2] or None)
        if hasattr(self.tokenizer, "src_lang"):
            return self._between(source, target)
        directions = [name for name in self._presets if name.startswith("translation_")]
        if not directions:
            return {}
        wanted = f"translation_{source}_to_{target}"
        if source is None and target is None and len(directions) == 1:
            wanted = directions[0]
        if wanted not in directions:
            listed = ", ".join(sorted(name.removeprefix("translation_") for name in directions))
            raise ValueError(f"src_lang and tgt_lang must be one of this model's pairs: {listed}")
        return dict(self._presets[wanted])

    def _between(self, source: str | None, target: str | None) -> dict[str, Any]:
        """Tell the tokenizer the source, and the model to begin with the target."""
        if source is None or target is None:
            raise ValueError("this model needs src_lang and tgt_lang")
        self._language_id("src_lang", source)
        self.tokenizer.src_lang = source
        return {"forced_bos_token_id": self._language_id("tgt_lang", target)}

    def _language_id(self, option: str, language: str) -> int:
        codes = getattr(self.tokenizer, "lang_code_to_token", None)  # M2M's names in its vocabulary
        token = language if codes is None else codes.get(language)
        token_id = None if token is None else self.tokenizer.convert_tokens_to_ids(token)
        if token_id in (None, self.tokenizer.unk_token_id):
            raise ValueError(f"{option} is no language of this model")
        return int(token_id)


_CLASSES = {"summarization": Summarization, "text2text-generation": TextToText}


def load(task: str, checkpoint: Checkpoint, options: Options) -> TextToText:
    """The task on the checkpoint. Raises LoadError."""
    return _CLASSES.get(task, Translation)(task, checkpoint, options)
