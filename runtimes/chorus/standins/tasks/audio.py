"""Models of sound: what it is, what is said, and a voice."""

from typing import Any

import torch
from transformers import (
    ClapConfig,
    ClapFeatureExtractor,
    ClapModel,
    ClapProcessor,
    RobertaTokenizer,
    VitsConfig,
    VitsModel,
    VitsTokenizer,
    Wav2Vec2Config,
    Wav2Vec2CTCTokenizer,
    Wav2Vec2FeatureExtractor,
    Wav2Vec2ForCTC,
    Wav2Vec2ForSequenceClassification,
    Wav2Vec2Processor,
)

from chorus.standins.tasks.labels import COMMANDS, numbered
from chorus.standins.tasks.tokenizers import (
    LETTERS,
    LONGEST,
    ROBERTA_SPECIAL,
    byte_pairs,
    from_file,
)
from chorus.standins.tasks.weights import widened

WIDTH = 32
HERTZ = 16_000
SPOKEN = ("<pad>", "<s>", "</s>", "<unk>", "|", *LETTERS.upper(), "'")
VOLUME = 0.01  # factor on the last layer: a random voice is noise, which should not be loud
READ = ("<pad>", *LETTERS, " ", "'", "-", "<unk>")


def audio_classification() -> list[Any]:
    """wav2vec 2.0 that knows a few spoken commands."""
    config = _wav2vec2(classifier_proj_size=WIDTH, **numbered(COMMANDS))
    return [widened(Wav2Vec2ForSequenceClassification(config)), _extractor()]


def automatic_speech_recognition() -> list[Any]:
    """wav2vec 2.0 that spells what is said."""
    tokenizer = from_file(Wav2Vec2CTCTokenizer, SPOKEN)
    config = _wav2vec2(vocab_size=len(SPOKEN), ctc_loss_reduction="mean")
    processor = Wav2Vec2Processor(feature_extractor=_extractor(), tokenizer=tokenizer)
    return [_balanced(widened(Wav2Vec2ForCTC(config))), processor]


def zero_shot_audio_classification() -> list[Any]:
    """CLAP that compares a sound with the labels it is given."""
    vocabulary, merges = byte_pairs(ROBERTA_SPECIAL)
    tokenizer = RobertaTokenizer(vocab=vocabulary, merges=merges, model_max_length=LONGEST)
    sizes = {"hidden_size": WIDTH, "projection_dim": WIDTH}
    config = ClapConfig(
        text_config=sizes
        | {
            "vocab_size": len(tokenizer),
            "intermediate_size": 2 * WIDTH,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
        },
        audio_config=sizes
        | {
            "depths": [1, 1],
            "num_attention_heads": [1, 2],
            "patch_embeds_hidden_size": WIDTH // 2,
            "mlp_ratio": 2.0,
        },
        projection_dim=WIDTH,
        logit_scale_init_value=2.0,
    )
    extractor = ClapFeatureExtractor(max_length_s=10, truncation="rand_trunc")
    return [widened(ClapModel(config)), ClapProcessor(extractor, tokenizer)]


def text_to_audio() -> list[Any]:
    """VITS, from letters to a wave in one model."""
    tokenizer = from_file(VitsTokenizer, READ, phonemize=False)
    config = VitsConfig(
        vocab_size=len(READ),
        hidden_size=WIDTH,
        num_hidden_layers=1,
        ffn_dim=2 * WIDTH,
        flow_size=WIDTH,
        spectrogram_bins=33,
        use_stochastic_duration_prediction=False,
        upsample_initial_channel=WIDTH,
        resblock_kernel_sizes=[3],
        resblock_dilation_sizes=[[1, 3]],
        duration_predictor_filter_channels=WIDTH,
        prior_encoder_num_flows=2,
        prior_encoder_num_wavenet_layers=1,
        posterior_encoder_num_wavenet_layers=1,
        sampling_rate=HERTZ,
        noise_scale=0.0,  # the same words sound the same
    )
    model = VitsModel(config).eval()  # as the library draws it: wider, its flows would overflow
    with torch.no_grad():
        model.decoder.conv_post.weight *= VOLUME
    return [model, tokenizer]


@torch.no_grad()
def _balanced(model: Any) -> Any:
    """The model with no letter likelier than another, on average over a second of noise."""
    logits = model(0.1 * torch.randn(1, HERTZ)).logits
    model.lm_head.bias -= logits.mean((0, 1))
    return model


def _wav2vec2(**options: Any) -> Wav2Vec2Config:
    return Wav2Vec2Config(
        hidden_size=WIDTH,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=2 * WIDTH,
        conv_dim=[WIDTH] * 7,
        num_conv_pos_embeddings=16,
        num_conv_pos_embedding_groups=2,
        **options,
    )


def _extractor() -> Any:
    return Wav2Vec2FeatureExtractor(sampling_rate=HERTZ, return_attention_mask=False)
