"""What is known about the mistakes inside attention: its mask, its formula, its heads."""

from glassbox.mistakes.attending import (
    MergedByView,
    ScaledByModelWidth,
    SharedProjection,
    SoftmaxOverQueries,
    SplitByView,
    Unscaled,
)
from glassbox.mistakes.masking import (
    FiniteMask,
    MaskAfterSoftmax,
    MaskOffByOne,
    MaskSwapped,
    NoMask,
)
from glassbox.mistakes.mistake import Mistake
from glassbox.mistakes.places import AS_MANY_KEYS, ATTENTION, CAUSAL, SEVERAL_HEADS

_FUTURE = ("future_by_value", "future_by_gradient")

ATTENTION_MISTAKES = (
    Mistake(
        name="no_mask",
        group="mask",
        says="The causal mask is never applied, so every token sees all others.",
        shows="The loss falls far below what is possible, and the text it writes is useless.",
        seen_in=(
            "huggingface/transformers, issue 48745 (four models, training loss near 0): "
            "https://github.com/huggingface/transformers/issues/48745"
        ),
        caught_by=_FUTURE,
        patches=((CAUSAL, NoMask),),
    ),
    Mistake(
        name="mask_off_by_one",
        group="mask",
        says="The mask allows key <= query + 1, so each token sees the one that it predicts.",
        shows="The loss falls towards 0, because the answer only has to be copied.",
        caught_by=_FUTURE,
        patches=((CAUSAL, MaskOffByOne),),
    ),
    Mistake(
        name="mask_after_softmax",
        group="mask",
        says="Future weights are set to 0 after the softmax, and the rest is not divided anew.",
        shows="The loss falls far below what is possible, for the sum of a row betrays the future.",
        seen_in=(
            "huggingface/pytorch-image-models, pull request 2236 (EVA): "
            "https://github.com/huggingface/pytorch-image-models/pull/2236"
        ),
        caught_by=("weight_rows", *_FUTURE, "attention_formula"),
        patches=((CAUSAL, MaskAfterSoftmax),),
    ),
    Mistake(
        name="mask_swapped",
        group="mask",
        says="True is read as 'blocked' where it means 'allowed', so tokens see only the future.",
        shows="The loss falls far below what is possible, and the last token sees nothing at all.",
        seen_in=(
            "rasbt/LLMs-from-scratch, issue 1061 (a bonus notebook): "
            "https://github.com/rasbt/LLMs-from-scratch/issues/1061"
        ),
        caught_by=_FUTURE,
        patches=((CAUSAL, MaskSwapped),),
    ),
    Mistake(
        name="finite_mask",
        group="mask",
        says="Blocked scores are set to -10,000 instead of minus infinity.",
        shows="Nothing, until training finds that scores can get as low as that.",
        seen_in=(
            "karpathy/minGPT, issue 75 (a GPT-2 learned to get below it): "
            "https://github.com/karpathy/minGPT/issues/75; huggingface/transformers, pull request "
            "17306: https://github.com/huggingface/transformers/pull/17306"
        ),
        caught_by=("mask_holds",),
        patches=((CAUSAL, FiniteMask),),
    ),
    Mistake(
        name="softmax_over_queries",
        group="attention",
        says="The softmax runs over the queries instead of the keys.",
        shows="The loss is too good, because each weight depends on queries that come later.",
        seen_in=(
            "labmlai/annotated_deep_learning_paper_implementations, issue 146 (the images it "
            "drew were as good): "
            "https://github.com/labmlai/annotated_deep_learning_paper_implementations/issues/146"
        ),
        caught_by=("weight_rows", *_FUTURE, "attention_formula"),
        patches=((ATTENTION, SoftmaxOverQueries),),
    ),
    Mistake(
        name="unscaled",
        group="attention",
        says="The scores are not divided by the square root of d_k.",
        shows="Almost nothing in a small model, where the scores are small in any case.",
        seen_in=(
            "mlc-ai/mlc-llm, pull request 3426 (one path of several): "
            "https://github.com/mlc-ai/mlc-llm/pull/3426"
        ),
        caught_by=("attention_formula",),
        patches=((ATTENTION, Unscaled),),
    ),
    Mistake(
        name="scaled_by_d_model",
        group="attention",
        says="The scores are divided by the square root of the model's width, not of the head's.",
        shows="Almost nothing: attention starts flatter and learns a little later.",
        seen_in=(
            "karpathy/ng-video-lecture, pull request 6: "
            "https://github.com/karpathy/ng-video-lecture/pull/6"
        ),
        caught_by=("attention_formula",),
        patches=((SEVERAL_HEADS, ScaledByModelWidth),),
    ),
    Mistake(
        name="shared_projection",
        group="attention",
        says="The keys are computed by the projection of the queries.",
        shows="A loss that is somewhat worse: w_k never gets a gradient, and scores are symmetric.",
        seen_in=(
            "yflyzhang/AnnotatedTransformer, issue 1 (there the values got the matrix of the "
            "keys): "
            "https://github.com/yflyzhang/AnnotatedTransformer/issues/1"
        ),
        caught_by=("keys_differ",),
        patches=((AS_MANY_KEYS, SharedProjection),),
    ),
    Mistake(
        name="split_by_view",
        group="heads",
        says="Heads are cut by view(B, H, T, d) without a transpose.",
        shows="A loss far too low, because a head reads columns of later tokens.",
        seen_in="reczoo/FuxiCTR, issue 30: https://github.com/reczoo/FuxiCTR/issues/30",
        caught_by=("permutation", *_FUTURE),
        patches=((SEVERAL_HEADS, SplitByView),),
    ),
    Mistake(
        name="merged_by_view",
        group="heads",
        says="Heads are joined by reshape(B, T, D) without a transpose.",
        shows="A loss that is too good, because a token gets what later tokens have found.",
        seen_in=(
            "jsbaan/transformer-from-scratch, pull request 6: "
            "https://github.com/jsbaan/transformer-from-scratch/pull/6"
        ),
        caught_by=("permutation", *_FUTURE),
        patches=((SEVERAL_HEADS, MergedByView),),
    ),
)
