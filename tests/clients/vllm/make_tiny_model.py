"""Makes a random two-layer Llama and a tokenizer trained on the spot, so that vLLM can serve without any download.

Usage: make_tiny_model.py FOLDER. The same seeds give the same weights. Its answers are nonsense, but they repeat.
"""

import os
import random
import sys

os.environ["HF_HUB_OFFLINE"] = "1"
import torch  # noqa: E402
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers  # noqa: E402
from transformers import GenerationConfig, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast  # noqa: E402

SPECIAL = ["<pad>", "<s>", "</s>", "<|user|>", "<|assistant|>", "<|system|>", "<|tool|>"]
VOCABULARY = """the quick brown fox jumps over lazy dog gateway stream token model hello world user assistant system
request response header body chunk data event server client forward pass through please answer question weather
Paris London today number one two three four five six seven eight nine ten yes no maybe because""".split()
# wide characters and JSON get tokens too
EXTRA = ['naïve café, Zürich ☃ 日本語 🙂 {"role": "user", "content": 1234567890}'] * 20
CONTEXT = 8192
TEMPLATE = """
{{- bos_token }}
{%- for message in messages %}
    {%- set role = message['role'] if message['role'] in ['user', 'assistant', 'system', 'tool'] else 'user' %}
    {{- '<|' + role + '|>' }}
    {%- if message['content'] is string %}
        {{- message['content'] }}
    {%- elif message['content'] %}
        {%- for part in message['content'] if part['type'] == 'text' %}{{- part['text'] }}{%- endfor %}
    {%- endif %}
    {{- eos_token }}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|assistant|>' }}{%- endif %}
"""


def corpus():
    """Sentences enough to train a small byte-pair encoding on."""
    rng = random.Random(7)
    return [" ".join(rng.choices(VOCABULARY, k=12)) + rng.choice(".?!") for _ in range(3000)] + EXTRA


def make_tokenizer():
    pairs = Tokenizer(models.BPE())
    pairs.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    pairs.decoder = decoders.ByteLevel()
    letters = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=1024, special_tokens=SPECIAL, initial_alphabet=letters, show_progress=False
    )
    pairs.train_from_iterator(corpus(), trainer)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=pairs, pad_token="<pad>", bos_token="<s>", eos_token="</s>",
        model_max_length=CONTEXT, clean_up_tokenization_spaces=False,
    )
    tokenizer.chat_template = TEMPLATE.strip()
    return tokenizer


def make_model(tokens):
    torch.manual_seed(1234)
    shape = LlamaConfig(
        vocab_size=tokens, hidden_size=128, intermediate_size=256, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=4, head_dim=32, max_position_embeddings=CONTEXT, tie_word_embeddings=False,
        bos_token_id=1, eos_token_id=2, pad_token_id=0, dtype="float32",
    )
    model = LlamaForCausalLM(shape)
    with torch.no_grad():
        model.lm_head.weight.mul_(20)  # choices far apart: rounding cannot turn a greedy answer into another
        model.lm_head.weight[: len(SPECIAL)] = 0  # hardly ever ends by itself: max_tokens rules the length
    return model


def main(folder):
    tokenizer = make_tokenizer()
    tokenizer.save_pretrained(folder)
    make_model(len(tokenizer)).save_pretrained(folder, safe_serialization=True)
    GenerationConfig(bos_token_id=1, eos_token_id=2, pad_token_id=0).save_pretrained(folder)


if __name__ == "__main__":
    main(sys.argv[1])
