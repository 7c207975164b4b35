"""Models of an image and a text together."""

from typing import Any

import torch
from transformers import (
    BertTokenizer,
    BlipConfig,
    BlipForConditionalGeneration,
    BlipProcessor,
    CLIPConfig,
    CLIPModel,
    CLIPProcessor,
    CLIPTokenizer,
    DonutProcessor,
    DonutSwinConfig,
    GPT2Tokenizer,
    Idefics3Config,
    Idefics3ForConditionalGeneration,
    Idefics3Processor,
    MBartConfig,
    MBartForCausalLM,
    OwlViTConfig,
    OwlViTForObjectDetection,
    OwlViTProcessor,
    ViltConfig,
    ViltForQuestionAnswering,
    ViltProcessor,
    VisionEncoderDecoderModel,
    XLMRobertaTokenizer,
)
from transformers.models.blip.image_processing_pil_blip import BlipImageProcessorPil
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
from transformers.models.donut.image_processing_pil_donut import DonutImageProcessorPil
from transformers.models.donut.modeling_donut_swin import DonutSwinModel
from transformers.models.idefics3.image_processing_pil_idefics3 import Idefics3ImageProcessorPil
from transformers.models.owlvit.image_processing_pil_owlvit import OwlViTImageProcessorPil
from transformers.models.vilt.image_processing_pil_vilt import ViltImageProcessorPil

from chorus.standins.tasks.decoding import brief, readable
from chorus.standins.tasks.labels import ANSWERS, numbered
from chorus.standins.tasks.tokenizers import (
    LONGEST,
    byte_pairs,
    lower_case_pairs,
    pieces,
    word_pieces,
)
from chorus.standins.tasks.weights import widened

WIDTH = 32
PIXELS = 64
SQUARE = {"height": PIXELS, "width": PIXELS}
SHYNESS = -3.0  # added to every logit of OWL-ViT: not every patch shows what is looked for
END = "<|endoftext|>"
START = "<|startoftext|>"
QUESTION_MARKS = ("<s_docvqa>", "<s_question>", "</s_question>", "<s_answer>", "</s_answer>")
IMAGE_MARKS = ("<fake_token_around_image>", "<image>", "<end_of_utterance>", "<global-img>")
IMAGE_CHAT = (
    "{% for message in messages %}{{ message['role'] | capitalize }}:"
    "{% if message['content'] is string %} {{ message['content'] }}"
    "{% else %}{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}<image>"
    "{% elif part['type'] == 'text' %} {{ part['text'] }}{% endif %}"
    "{% endfor %}{% endif %}<end_of_utterance>\n"
    "{% endfor %}{% if add_generation_prompt %}Assistant:{% endif %}"
)


def zero_shot_image_classification() -> list[Any]:
    """CLIP that compares an image with the labels it is given."""
    tokenizer = _clip_tokenizer(length=77)
    config = CLIPConfig(
        text_config=_text(tokenizer, length=77),
        vision_config=_image(patch=16),
        projection_dim=WIDTH,
        logit_scale_init_value=1.5,
    )
    images = CLIPImageProcessorPil(size={"shortest_edge": PIXELS}, crop_size=SQUARE)
    return [widened(CLIPModel(config)), CLIPProcessor(images, tokenizer)]


def zero_shot_object_detection() -> list[Any]:
    """OWL-ViT that looks for the labels it is given."""
    tokenizer = _clip_tokenizer(length=16)
    config = OwlViTConfig(
        text_config=_text(tokenizer, length=16),
        vision_config=_image(patch=16),
        projection_dim=WIDTH,
    )
    processor = OwlViTProcessor(OwlViTImageProcessorPil(size=SQUARE, crop_size=SQUARE), tokenizer)
    model = widened(OwlViTForObjectDetection(config))
    with torch.no_grad():
        model.class_head.logit_shift.bias += SHYNESS
    return [model, processor]


def image_to_text() -> list[Any]:
    """BLIP that captions."""
    tokenizer = BertTokenizer(vocab=word_pieces(), model_max_length=LONGEST)
    config = BlipConfig(
        text_config=_text(tokenizer, length=LONGEST)
        | {
            "encoder_hidden_size": WIDTH,
            "bos_token_id": tokenizer.cls_token_id,
            "eos_token_id": tokenizer.sep_token_id,
            "sep_token_id": tokenizer.sep_token_id,
        },
        vision_config=_image(patch=16),
        projection_dim=WIDTH,
        image_text_hidden_size=WIDTH,
        tie_word_embeddings=False,
    )
    processor = BlipProcessor(BlipImageProcessorPil(size=SQUARE), tokenizer)
    return [widened(BlipForConditionalGeneration(config)), processor]


def image_text_to_text() -> list[Any]:
    """Idefics3, the architecture of SmolVLM: a chat about images."""
    vocabulary, merges = byte_pairs((END, *IMAGE_MARKS))
    tokenizer = GPT2Tokenizer(
        vocab=vocabulary,
        merges=merges,
        eos_token="<end_of_utterance>",  # noqa: S106 - no password
        pad_token=END,
        additional_special_tokens=list(IMAGE_MARKS),
        model_max_length=1024,
    )
    patch, shrink = 16, 2
    config = Idefics3Config(
        vision_config=_image(patch=patch),
        text_config=_text(tokenizer, length=1024) | {"model_type": "llama"},
        image_token_id=vocabulary["<image>"],
        pad_token_id=tokenizer.pad_token_id,
        scale_factor=shrink,
    )
    images = Idefics3ImageProcessorPil(
        size={"longest_edge": PIXELS},
        max_image_size={"longest_edge": PIXELS},
        do_image_splitting=False,
    )
    processor = Idefics3Processor(
        images,
        tokenizer,
        image_seq_len=(PIXELS // patch // shrink) ** 2,
        chat_template=IMAGE_CHAT,
    )
    model = widened(Idefics3ForConditionalGeneration(config))
    return [brief(readable(model, tokenizer)), processor]


def visual_question_answering() -> list[Any]:
    """ViLT that answers with one of a few words."""
    tokenizer = BertTokenizer(vocab=word_pieces(), model_max_length=40)
    config = ViltConfig(
        **_text(tokenizer, length=40),
        image_size=PIXELS,
        patch_size=16,
        **numbered(ANSWERS),
    )
    images = ViltImageProcessorPil(size={"shortest_edge": PIXELS}, size_divisor=16)
    return [widened(ViltForQuestionAnswering(config)), ViltProcessor(images, tokenizer)]


def document_question_answering() -> list[Any]:
    """Donut, which reads the page itself: no OCR engine has to be installed."""
    special = ("<s>", "<pad>", "</s>", "<unk>")
    tokenizer = XLMRobertaTokenizer(
        vocab=[*pieces(special), ("<mask>", 0.0)],
        additional_special_tokens=list(QUESTION_MARKS),
        model_max_length=LONGEST,
    )
    reader = DonutSwinModel(
        DonutSwinConfig(
            image_size=[PIXELS, PIXELS],
            embed_dim=8,
            depths=[1, 1],
            num_heads=[1, 2],
            window_size=4,
            mlp_ratio=2.0,
        )
    )
    writer = MBartForCausalLM(
        MBartConfig(
            vocab_size=len(tokenizer),
            max_position_embeddings=LONGEST,
            d_model=WIDTH,
            decoder_layers=1,
            decoder_ffn_dim=2 * WIDTH,
            decoder_attention_heads=2,
            is_decoder=True,
            is_encoder_decoder=False,
            add_cross_attention=True,
            tie_word_embeddings=False,
        )
    )
    model = brief(widened(VisionEncoderDecoderModel(encoder=reader, decoder=writer)))
    settings = model.generation_config
    settings.pad_token_id = tokenizer.pad_token_id
    settings.eos_token_id = tokenizer.eos_token_id
    settings.decoder_start_token_id = tokenizer.bos_token_id
    # Random weights would never close the answer that the prompt has opened.
    settings.forced_eos_token_id = tokenizer.convert_tokens_to_ids("</s_answer>")
    images = DonutImageProcessorPil(size=SQUARE, do_align_long_axis=False)
    return [model, DonutProcessor(images, tokenizer)]


def _clip_tokenizer(length: int) -> Any:
    vocabulary, merges = lower_case_pairs((START, END))
    return CLIPTokenizer(vocab=vocabulary, merges=merges, model_max_length=length)


def _text(tokenizer: Any, length: int) -> dict[str, Any]:
    return {
        "vocab_size": len(tokenizer),
        "hidden_size": WIDTH,
        "intermediate_size": 2 * WIDTH,
        "projection_dim": WIDTH,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "max_position_embeddings": length,
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }


def _image(patch: int) -> dict[str, int]:
    return {
        "hidden_size": WIDTH,
        "intermediate_size": 2 * WIDTH,
        "projection_dim": WIDTH,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "image_size": PIXELS,
        "patch_size": patch,
    }
