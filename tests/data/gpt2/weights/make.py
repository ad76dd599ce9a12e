"""Small GPT-2 checkpoints in every form that weights come in, and what transformers computes with each.

    python3 -m venv venv && venv/bin/pip install torch transformers && venv/bin/python make.py

Writes one folder a form and reference.json next to this file. Made with torch 2.15.0 and transformers 5.24.0. Where
transformers can load a folder itself, its numbers are those of the loaded folder; names with `module.`, `model.` or
`_orig_mod.` in front it does not know, there the numbers are those of the model before it was saved. The folders
`old_zip` and `old_stream` are laid out as in 2020: a pickle with the masks as buffers, `n_ctx`, vocab.json, merges.txt
and nothing else; their model has learned the sentences below by heart, so that it writes Spanish. All text is invented.
"""
import json, pathlib, shutil, torch
from safetensors.torch import save_file, save_model
from tokenizers import ByteLevelBPETokenizer
from transformers import GPT2Config, GPT2LMHeadModel

HERE = pathlib.Path(__file__).resolve().parent
END = "<|endoftext|>"
SENTENCES = [
    "La plaza del pueblo está llena de gente que canta esta tarde.",
    "El mercado abre temprano y los vecinos compran pan y fruta.",
    "Mañana vamos a la playa con los niños porque hace calor.",
    "La vacuna llega hoy al barrio y todos esperan con alegría.",
    "En la calle suena la música desde muy temprano.",
    "El tren sale a las ocho de la estación del norte.",
]
reference = {}


def small(seed=1, **more):
    torch.manual_seed(seed)
    settings = dict(vocab_size=40, n_embd=16, n_layer=2, n_head=2, n_positions=16, bos_token_id=0, eos_token_id=0)
    model = GPT2LMHeadModel(GPT2Config(**{**settings, **more})).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.copy_(torch.randn(parameter.shape) * 0.4 + (1.0 if "ln_" in name and name.endswith("weight") else 0.0))
    return model


def folder(name, config):
    path = HERE / name
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir()
    (path / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    return path


def config_of(model):
    keys = ["vocab_size", "n_embd", "n_layer", "n_head", "n_positions", "bos_token_id", "eos_token_id", "tie_word_embeddings"]
    return {"model_type": "gpt2", **{key: getattr(model.config, key) for key in keys}}


def note(name, model=None):
    """The numbers of the folder as transformers loads it, or of `model`."""
    model = model or GPT2LMHeadModel.from_pretrained(HERE / name, dtype=torch.float32).eval()
    prompt = [7, 3, 29, 11, 5]
    ids = torch.tensor([prompt])
    with torch.no_grad():
        logits = model(ids).logits[0, -1]
        greedy = model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=8, do_sample=False, pad_token_id=0)
    reference[name] = {"prompt": prompt, "logits": [round(float(x), 6) for x in logits], "greedy": greedy[0, len(prompt):].tolist()}


def pickle(name, state, model, loadable=True, stream=False, numbers=None):
    path = folder(name, config_of(model))
    torch.save(state, path / "pytorch_model.bin", _use_new_zipfile_serialization=not stream)
    note(name, numbers or (None if loadable else model))


def sharded(name, model, stream):
    path = folder(name, config_of(model))
    state = list(model.state_dict().items())
    weight_map = {}
    for number, part in enumerate([state[:9], state[9:]], 1):
        file = f"pytorch_model-{number:05}-of-00002.bin"
        torch.save(dict(part), path / file, _use_new_zipfile_serialization=not stream)
        weight_map.update({key: file for key, _ in part})
    total = sum(tensor.numel() * 4 for _, tensor in state)
    (path / "pytorch_model.bin.index.json").write_text(json.dumps({"metadata": {"total_size": total}, "weight_map": weight_map}, indent=1) + "\n")
    note(name)


def buffers(state, model, mask, masked):
    """The state dict with the two constants that GPT-2 kept as buffers, where they stood: before the layer's weights."""
    size, out = model.config.n_positions, type(state)()
    for key, tensor in state.items():
        if key.endswith("attn.c_attn.weight"):
            layer = key[: -len("c_attn.weight")]
            out[layer + "bias"] = torch.tril(torch.ones(size, size)).view(1, 1, size, size).to(mask)
            out[layer + "masked_bias"] = torch.tensor(-1e4).to(masked)
        out[key] = tensor
    out._metadata = state._metadata
    return out


def strided(state):
    """The same values, none of them stored as a plain block of its own."""
    out, big = {}, torch.zeros(100, 16)
    for key, tensor in state.items():
        if key == "lm_head.weight":
            out[key] = out["transformer.wte.weight"]
        elif key == "transformer.wte.weight":
            big[7:47] = tensor
            out[key] = big[7:47]
        elif key == "transformer.wpe.weight":
            big[60:92:2] = tensor
            out[key] = big[60:92:2]
        elif tensor.dim() == 2:
            out[key] = tensor.t().contiguous().t()
        else:
            out[key] = torch.stack([tensor, -tensor], dim=1)[:, 0]
    return out


def matrix():
    model = small()
    state = model.state_dict()
    pickle("zip", state, model)
    pickle("stream", state, model, stream=True)
    sharded("sharded_zip", model, stream=False)
    sharded("sharded_stream", model, stream=True)
    for name, dtype in [("f16", torch.float16), ("bf16", torch.bfloat16), ("f64", torch.float64)]:
        pickle(name, {key: tensor.to(dtype) for key, tensor in state.items()}, model, stream=name == "bf16")
    pickle("strided_zip", strided(state), model)
    pickle("strided_stream", strided(state), model, stream=True)
    pickle("parameters", dict(model.named_parameters()), model)
    base = {key: tensor for key, tensor in state.items() if key != "lm_head.weight"}
    pickle("bare", {key.removeprefix("transformer."): tensor for key, tensor in base.items()}, model)
    for name, front in [("module", "module."), ("model", "model."), ("orig_mod", "_orig_mod."), ("all_prefixes", "module._orig_mod.model.")]:
        pickle(f"prefix_{name}", {front + key: tensor for key, tensor in state.items()}, model, loadable=False)
    pickle("wte_only", base, model)
    pickle("head_only", {key: tensor for key, tensor in state.items() if "wte" not in key}, model)
    other = dict(state)
    torch.manual_seed(5)
    other["lm_head.weight"] = torch.randn(40, 16)
    pickle("head_differs", other, model)
    save_file({key: tensor.contiguous() for key, tensor in other.items()}, folder("safetensors_head_differs", config_of(model)) / "model.safetensors", {"format": "pt"})
    note("safetensors_head_differs")
    # The name that the file keeps is the head's; its metadata says which one that is as well.
    path = folder("safetensors_twin", config_of(model))
    save_model(model, path / "model.safetensors", metadata={"format": "pt"})
    note("safetensors_twin", model)
    for name, mask, masked, stream in [("uint8", torch.uint8, torch.float32, True), ("bool", torch.bool, torch.float32, False), ("float", torch.float16, torch.int64, False)]:
        pickle(f"buffers_{name}", buffers(state, model, mask, masked), model, stream=stream)
    untied = small(seed=2, tie_word_embeddings=False)
    pickle("untied", untied.state_dict(), untied)


def learned(tokenizer):
    torch.manual_seed(3)
    end = tokenizer.token_to_id(END)
    config = GPT2Config(vocab_size=tokenizer.get_vocab_size(), n_embd=32, n_layer=2, n_head=2, n_positions=64,
        bos_token_id=end, eos_token_id=end, resid_pdrop=0, embd_pdrop=0, attn_pdrop=0)
    model = GPT2LMHeadModel(config)
    texts = [[end, *tokenizer.encode(text).ids, end] for text in SENTENCES]
    longest = max(map(len, texts))
    ids = torch.tensor([text + [end] * (longest - len(text)) for text in texts])
    labels = torch.tensor([text + [-100] * (longest - len(text)) for text in texts])
    optimiser = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for _ in range(500):
        loss = model(ids, labels=labels).loss
        optimiser.zero_grad(); loss.backward(); optimiser.step()
    print("loss", float(loss))
    return model.eval()


def old():
    tokenizer = ByteLevelBPETokenizer()
    tokenizer.train_from_iterator(SENTENCES * 4, vocab_size=400, min_frequency=2, special_tokens=[END])
    model = learned(tokenizer)
    config = {
        "activation_function": "gelu_new", "architectures": ["GPT2LMHeadModel"], "attn_pdrop": 0.1, "bos_token_id": 0,
        "embd_pdrop": 0.1, "eos_token_id": 0, "gradient_checkpointing": False, "initializer_range": 0.02,
        "layer_norm_epsilon": 1e-05, "model_type": "gpt2", "n_ctx": 64, "n_embd": 32, "n_head": 2, "n_inner": None,
        "n_layer": 2, "n_positions": 64, "resid_pdrop": 0.1, "summary_activation": None, "summary_first_dropout": 0.1,
        "summary_proj_to_labels": True, "summary_type": "cls_index", "summary_use_proj": True,
        "task_specific_params": {"text-generation": {"do_sample": True, "max_length": 50}},
        "vocab_size": model.config.vocab_size,
    }
    for name, stream in [("old_zip", False), ("old_stream", True)]:
        path = folder(name, config)
        state = buffers(model.state_dict(), model, torch.uint8, torch.float32)
        torch.save(state, path / "pytorch_model.bin", _use_new_zipfile_serialization=not stream)
        tokenizer.save_model(str(path))
        note(name)


matrix()
old()
(HERE / "reference.json").write_text(json.dumps(reference, separators=(",", ":")) + "\n")
