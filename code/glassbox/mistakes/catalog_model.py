"""What is known about the mistakes around attention: positions, cache, training, parts."""

from glassbox.mistakes import learning, parts, places, placing
from glassbox.mistakes.mistake import Mistake

_POSITIONS = (
    Mistake(
        name="no_positions",
        group="positions",
        says="The positions are made, and never added (or turned, or biased).",
        shows="A loss that is somewhat worse: the causal mask alone tells a little of the order.",
        seen_in=(
            "DaoyuanLi2816/Molecule-Generator, pull request 23: "
            "https://github.com/DaoyuanLi2816/Molecule-Generator/pull/23"
        ),
        caught_by=("order",),
        patches=(
            (places.ADDED, placing.NothingAdded),
            (places.TURNED, placing.NothingTurned),
            (places.BIASED, placing.NothingBiased),
        ),
    ),
    Mistake(
        name="positions_from_batch",
        group="positions",
        says="Positions are counted along the batch, so row b gets position b at all its tokens.",
        shows="A loss that is somewhat worse, and a text that depends on its place in the batch.",
        seen_in=(
            "AkiRusProd/numpy-transformer, issue 1: "
            "https://github.com/AkiRusProd/numpy-transformer/issues/1"
        ),
        caught_by=("batch_rows",),
        patches=((places.ADDED, placing.PositionsFromBatch),),
    ),
    Mistake(
        name="positions_missing_when_generating",
        group="positions",
        says="Tokens that come after cached ones get no position.",
        shows="Nothing in training or evaluation, which use no cache; the text it writes is worse.",
        seen_in=(
            "ml-explore/mlx-lm, pull request 93 (GPT-2, its first point): "
            "https://github.com/ml-explore/mlx-lm/pull/93"
        ),
        caught_by=("cache",),
        patches=(
            (places.CACHED, placing.NothingAddedAfterCache),
            (places.CACHED_TURNED, placing.NothingTurnedAfterCache),
        ),
    ),
    Mistake(
        name="cache_ignores_offset",
        group="positions",
        says="Tokens that come after cached ones get positions counted from 0 again.",
        shows="Nothing in training or evaluation, which use no cache; the text it writes is worse.",
        seen_in=(
            "ml-explore/mlx-lm, pull request 93 (GPT-2, its second point): "
            "https://github.com/ml-explore/mlx-lm/pull/93"
        ),
        caught_by=("cache",),
        patches=(
            (places.CACHED, placing.CountedFromZero),
            (places.CACHED_TURNED, placing.TurnedFromZero),
        ),
    ),
    Mistake(
        name="cache_forgets_first",
        group="generation",
        says="The cache holds zeros where the key and the value of the first token should be.",
        shows="Nothing in training or evaluation, and little in use: one of many keys is missing.",
        seen_in=(
            "tenstorrent/tt-metal, issue 54413 (there the zeros stood elsewhere in the cache): "
            "https://github.com/tenstorrent/tt-metal/issues/54413"
        ),
        caught_by=("cache",),
        patches=((places.CAUSAL, placing.CacheForgetsFirst),),
    ),
)

_TRAINING = (
    Mistake(
        name="labels_not_shifted",
        group="training",
        says="Logit t is compared with token t instead of token t + 1.",
        shows="The loss falls to 0, for the answer is the input; the model repeats its last token.",
        seen_in=(
            "Project-MONAI/GenerativeModels, issue 314: "
            "https://github.com/Project-MONAI/GenerativeModels/issues/314"
        ),
        caught_by=("next_token_loss",),
        patches=((places.NEXT_TOKEN, learning.LabelsNotShifted),),
    ),
    Mistake(
        name="labels_shifted_twice",
        group="training",
        says="The data are shifted by one already, and the model shifts them again.",
        shows="A loss that is too high but falls: the model predicts the token after the next one.",
        seen_in=(
            "huggingface/transformers, issue 47394 (GIT, since version 4.49): "
            "https://github.com/huggingface/transformers/issues/47394"
        ),
        caught_by=("next_token_loss",),
        patches=((places.NEXT_TOKEN, learning.LabelsShiftedTwice),),
    ),
    Mistake(
        name="softmax_twice",
        group="training",
        says="The cross-entropy gets probabilities, and takes their softmax again.",
        shows="A loss that falls, and stays near ln V: no share can exceed e / (e + V - 1).",
        seen_in=(
            "bkitano/llama-from-scratch, issue 5: "
            "https://github.com/bkitano/llama-from-scratch/issues/5"
        ),
        caught_by=("next_token_loss",),
        patches=((places.WITH_LOSS, learning.SoftmaxTwice),),
    ),
    Mistake(
        name="padding_attended",
        group="training",
        says="The padding mask is lost on the way to the blocks.",
        shows="Nothing where no text is padded; else the answer depends on how much padding.",
        seen_in=(
            "turboderp/exllama, pull request 101: https://github.com/turboderp/exllama/pull/101"
        ),
        caught_by=("padding",),
        patches=((places.GPTS, learning.MaskDropped), (places.PADDED, learning.PaddingIsReal)),
    ),
    Mistake(
        name="dropout_in_evaluation",
        group="training",
        says="Dropout is a function call that does not ask whether the model is in evaluation.",
        shows="A held-out loss that is too high, and another answer each time one asks.",
        seen_in=(
            "karpathy/nanoGPT, pull request 240 (dropout of the fused attention): "
            "https://github.com/karpathy/nanoGPT/pull/240"
        ),
        caught_by=("modes",),
        patches=((places.DROPOUT, learning.DropoutInEvaluation),),
    ),
    Mistake(
        name="stuck_in_eval",
        group="training",
        says="After the first evaluation nobody calls model.train() again.",
        shows="A training loss that is lower than it should be, for dropout is off from then on.",
        seen_in=(
            "huggingface/lerobot, issue 3668: https://github.com/huggingface/lerobot/issues/3668"
        ),
        caught_by=("modes",),
        patches=((places.WHOLE, learning.StuckInEval),),
    ),
)

_PARTS = (
    Mistake(
        name="no_residual",
        group="parts",
        says="The residual connection around attention is left out in every block.",
        shows="A loss that is worse, and nothing else.",
        seen_in=(
            "facebookresearch/multimodal, pull request 305: "
            "https://github.com/facebookresearch/multimodal/pull/305"
        ),
        caught_by=("residual",),
        patches=((places.BLOCKS, parts.NoResidual),),
    ),
    Mistake(
        name="unbiased_variance",
        group="parts",
        says="LayerNorm divides the sum of squares by D - 1 instead of D.",
        shows="Nothing in training; weights trained elsewhere give slightly wrong logits.",
        seen_in=(
            "harvardnlp/annotated-transformer, issue 122: "
            "https://github.com/harvardnlp/annotated-transformer/issues/122"
        ),
        caught_by=("norms",),
        patches=((places.LAYER_NORMS, parts.UnbiasedVariance),),
    ),
    Mistake(
        name="eps_outside",
        group="parts",
        says="LayerNorm divides by the standard deviation plus epsilon.",
        shows="Nothing in training; vectors that are almost constant come out otherwise.",
        seen_in=(
            "harvardnlp/annotated-transformer, whence codertimo/BERT-pytorch, issue 30: "
            "https://github.com/codertimo/BERT-pytorch/issues/30"
        ),
        caught_by=("norms",),
        patches=((places.LAYER_NORMS, parts.EpsilonOutside),),
    ),
    Mistake(
        name="tied_head",
        group="parts",
        says="The head is the embedding table, whose standard deviation is 1 instead of 0.02.",
        shows="A first loss of many times ln V, and training that does not catch up soon.",
        seen_in=(
            "huggingface/transformers, pull request 26441 (T5, first loss about 110; its head was "
            "not tied, only as large): "
            "https://github.com/huggingface/transformers/pull/26441"
        ),
        caught_by=("first_loss",),
        patches=((places.LARGE_TABLE, parts.TiedHead),),
    ),
)

MODEL_MISTAKES = (*_POSITIONS, *_TRAINING, *_PARTS)
