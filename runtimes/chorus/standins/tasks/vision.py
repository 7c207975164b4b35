"""Models of images, each with an image processor that needs nothing but Pillow."""

from typing import Any

import torch
from transformers import (
    DepthAnythingConfig,
    DepthAnythingForDepthEstimation,
    DetrConfig,
    DetrForObjectDetection,
    Dinov2Config,
    ResNetConfig,
    SegformerConfig,
    SegformerForSemanticSegmentation,
    ViTConfig,
    ViTForImageClassification,
    ViTModel,
)
from transformers.models.detr.image_processing_pil_detr import DetrImageProcessorPil
from transformers.models.dpt.image_processing_pil_dpt import DPTImageProcessorPil
from transformers.models.segformer.image_processing_pil_segformer import SegformerImageProcessorPil
from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

from chorus.standins.tasks.labels import CLOTHES, OBJECTS, PAGE, numbered
from chorus.standins.tasks.weights import widened

WIDTH = 32
SQUARE = {"height": 64, "width": 64}
QUERIES = 8
ATTENTIVE = 4.0  # factor on the queries of DETR: each looks elsewhere
NEAR = 50.0  # added to every depth: its last step cuts off what is below zero
TABLES = 3.0  # added to the logit of a table: some of the boxes must pass the usual threshold


def image_classification() -> list[Any]:
    """ViT that names what an image shows."""
    return [widened(ViTForImageClassification(_vit(**numbered(OBJECTS)))), _vit_processor()]


def image_feature_extraction() -> list[Any]:
    """ViT without a head."""
    return [widened(ViTModel(_vit(), add_pooling_layer=False)), _vit_processor()]


def object_detection() -> list[Any]:
    """DETR on a ResNet of transformers' own that finds tables on a page."""
    config = DetrConfig(
        backbone_config=ResNetConfig(
            embedding_size=8,
            hidden_sizes=[8, 16, 16, WIDTH],
            depths=[1, 1, 1, 1],
            layer_type="basic",
            out_features=["stage4"],
        ),
        num_queries=QUERIES,
        d_model=WIDTH,
        encoder_layers=1,
        decoder_layers=1,
        encoder_ffn_dim=2 * WIDTH,
        decoder_ffn_dim=2 * WIDTH,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        **numbered(PAGE),
    )
    model = widened(DetrForObjectDetection(config))
    with torch.no_grad():
        model.class_labels_classifier.bias[PAGE.index("table")] += TABLES
        model.model.query_position_embeddings.weight *= ATTENTIVE
    size = {"shortest_edge": 128, "longest_edge": 256}
    return [model, DetrImageProcessorPil(size=size)]


def image_segmentation() -> list[Any]:
    """SegFormer that parts an image into clothes."""
    config = SegformerConfig(
        depths=[1, 1, 1, 1],
        hidden_sizes=[8, 16, 16, WIDTH],
        num_attention_heads=[1, 1, 2, 2],
        mlp_ratios=[2, 2, 2, 2],
        decoder_hidden_size=WIDTH,
        **numbered(CLOTHES),
    )
    processor = SegformerImageProcessorPil(size={"height": 128, "width": 128})
    return [widened(SegformerForSemanticSegmentation(config)), processor]


def depth_estimation() -> list[Any]:
    """Depth Anything on a DINOv2 of two layers."""
    config = DepthAnythingConfig(
        backbone_config=Dinov2Config(
            hidden_size=WIDTH,
            num_hidden_layers=4,
            num_attention_heads=2,
            mlp_ratio=2,
            image_size=56,
            out_indices=[1, 2, 3, 4],
            reshape_hidden_states=False,
        ),
        reassemble_hidden_size=WIDTH,
        neck_hidden_sizes=[8, 8, 16, 16],
        fusion_hidden_size=16,
        head_hidden_size=8,
    )
    processor = DPTImageProcessorPil(
        size={"height": 56, "width": 56}, keep_aspect_ratio=True, ensure_multiple_of=14
    )
    model = widened(DepthAnythingForDepthEstimation(config))
    with torch.no_grad():
        model.head.conv3.bias += NEAR
    return [model, processor]


def _vit(**options: Any) -> ViTConfig:
    return ViTConfig(
        hidden_size=WIDTH,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=2 * WIDTH,
        image_size=SQUARE["height"],
        patch_size=16,
        **options,
    )


def _vit_processor() -> Any:
    return ViTImageProcessorPil(size=SQUARE)
