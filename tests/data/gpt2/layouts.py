"""Reference values for GPT-2 configurations of every age from transformers and PyTorch, on the weights of formula.py.

    python3 -m venv venv && venv/bin/pip install torch transformers && venv/bin/python layouts.py > layouts.json

Made with transformers 5.24.0 and PyTorch 2.15.0. Each case is a config.json as transformers writes it, or as the
versions of 2019 wrote it.
"""
import json, pathlib, tempfile
import numpy as np, torch
from transformers import GPT2Config, GPT2LMHeadModel
from formula import weight

SIZES = dict(vocab_size=61, n_embd=20, n_layer=2, n_head=4, n_positions=32, bos_token_id=0, eos_token_id=0,
    resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0)
CASES = {name: dict(activation_function=name)
         for name in ["gelu_new", "gelu", "gelu_pytorch_tanh", "gelu_fast", "relu", "silu", "swish", "tanh"]}
CASES |= {
    "products_as_they_are": dict(scale_attn_weights=False),
    "scaled_by_layer": dict(scale_attn_by_inverse_layer_idx=True, n_layer=3),
    "scaled_by_layer_alone_and_reordered": dict(scale_attn_weights=False, scale_attn_by_inverse_layer_idx=True,
        reorder_and_upcast_attn=True, n_layer=3),
    "reordered": dict(reorder_and_upcast_attn=True),
    "a_large_epsilon": dict(layer_norm_epsilon=0.05),
    "an_inner_width_and_a_head_of_its_own": dict(n_inner=37, tie_word_embeddings=False),
    "48_heads_of_3": dict(n_embd=144, n_head=48, n_layer=1),
    "heads_of_one": dict(n_embd=8, n_head=8),
    "heads_of_5": dict(n_embd=30, n_head=6),
    "512_positions": dict(n_embd=16, n_head=2, n_layer=1, n_positions=512),
    "a_padded_vocabulary": dict(vocab_size=64),
    "several_ends": dict(),
    "ends_of_the_generation_file": dict(),
    "of_2019": dict(),
}
TOKENS = {"a_padded_vocabulary": 57}  # of the tokenizer; the rows from there on are padding

def written(config):
    with tempfile.TemporaryDirectory() as folder:
        config.save_pretrained(folder)
        return json.loads((pathlib.Path(folder) / "config.json").read_text())

def of_2019(config):
    """As transformers 2.3 wrote it."""
    kept = ["vocab_size", "n_positions", "n_embd", "n_layer", "n_head", "resid_pdrop", "embd_pdrop", "attn_pdrop",
            "layer_norm_epsilon"]
    old = {key: config[key] for key in kept} | dict(n_ctx=config["n_positions"], finetuning_task=None, num_labels=1,
        id2label={"0": "LABEL_0"}, output_past=True, predict_special_tokens=True, pruned_heads={}, torchscript=False,
        summary_activation=None, summary_first_dropout=0.1, use_bfloat16=False, eos_token_ids=0)
    del old["n_positions"]
    return old

out = []
for name, changes in CASES.items():
    config = GPT2Config(**(SIZES | changes))
    model = GPT2LMHeadModel._from_config(config, attn_implementation="eager").eval()
    state = {}
    for key, tensor in model.state_dict().items():
        short = key.removeprefix("transformer.")
        if config.tie_word_embeddings and short == "lm_head.weight":
            short = "wte.weight"
        state[key] = torch.from_numpy(weight(short, tuple(tensor.shape)))
    model.load_state_dict(state)
    tokens = TOKENS.get(name, config.vocab_size)
    prompt = [int(x) for x in np.random.default_rng(11).integers(1, tokens, size=490 if name == "512_positions" else 8)]
    ids = torch.tensor([prompt])
    answer = model(ids, labels=ids)
    answer.loss.backward()
    gradients = {}
    for key, parameter in model.named_parameters():
        gradient = parameter.grad.flatten()
        steepest = int(gradient.abs().argmax())
        gradients[key.removeprefix("transformer.")] = [steepest, *(float(f"{float(x):.6g}") for x in
            (gradient[steepest], gradient.norm()))]
    suppressed = list(range(tokens, config.vocab_size)) or None
    common = dict(max_new_tokens=12, pad_token_id=0, do_sample=False, suppress_tokens=suppressed)
    file, generation_file = written(config), None
    if name == "of_2019":
        file = of_2019(file)
    ends = [0]
    if name in ("several_ends", "ends_of_the_generation_file"):
        plain = model.generate(ids, eos_token_id=None, **common)[0, len(prompt):].tolist()
        ends = [60, next(x for x in plain[4:] if x not in plain[:4])]
        if name == "several_ends":
            file["eos_token_id"] = ends
        else:
            generation_file = dict(eos_token_id=ends, bos_token_id=0, transformers_version="5.24.0")
    greedy = model.generate(ids, eos_token_id=ends, **common)[0, len(prompt):].tolist()
    out.append(dict(name=name, config=file, generation_config=generation_file, tokens=tokens, prompt=prompt,
        loss=answer.loss.item(), last_logits=[round(x, 6) for x in answer.logits[0, -1].tolist()],
        greedy=[x for x in greedy if x not in ends], gradients=gradients))
print(json.dumps(out, separators=(",", ":")))
