#!/usr/bin/env python3
"""Writes a pregonero generator (a GPT-2 in a folder) as one GGUF file, for llama.cpp's server.

    pip install gguf
    python3 deploy/to-gguf.py models/generator-es generator-es.gguf
    python3 deploy/to-gguf.py models/mine mine.gguf --float 32

Weights are stored as 16-bit floats, norms and biases as 32-bit ones. The control tokens ([TEMA], [TWEET] …) become
control tokens of the file: the server reads them out of a prompt, and leaves them out of what it writes. The file is
written to a temporary name next to it and renamed, so that a file of that name is always whole.
"""

import argparse
import json
import os
import struct
import sys
from pathlib import Path

import gguf
import numpy as np

# GPT-2's names in safetensors and in GGUF; %d is the layer. Those marked True are stored by GPT-2 as inputs x outputs.
TENSORS = [
    ("wte.weight", "token_embd.weight", False),
    ("wpe.weight", "position_embd.weight", False),
    ("ln_f.weight", "output_norm.weight", False),
    ("ln_f.bias", "output_norm.bias", False),
    ("lm_head.weight", "output.weight", False),
    ("h.%d.ln_1.weight", "blk.%d.attn_norm.weight", False),
    ("h.%d.ln_1.bias", "blk.%d.attn_norm.bias", False),
    ("h.%d.attn.c_attn.weight", "blk.%d.attn_qkv.weight", True),
    ("h.%d.attn.c_attn.bias", "blk.%d.attn_qkv.bias", False),
    ("h.%d.attn.c_proj.weight", "blk.%d.attn_output.weight", True),
    ("h.%d.attn.c_proj.bias", "blk.%d.attn_output.bias", False),
    ("h.%d.ln_2.weight", "blk.%d.ffn_norm.weight", False),
    ("h.%d.ln_2.bias", "blk.%d.ffn_norm.bias", False),
    ("h.%d.mlp.c_fc.weight", "blk.%d.ffn_up.weight", True),
    ("h.%d.mlp.c_fc.bias", "blk.%d.ffn_up.bias", False),
    ("h.%d.mlp.c_proj.weight", "blk.%d.ffn_down.weight", True),
    ("h.%d.mlp.c_proj.bias", "blk.%d.ffn_down.bias", False),
]
KINDS = {"F32": np.float32, "F16": np.float16, "BF16": None}


def fail(message):
    sys.exit(f"to-gguf.py: {message}")


def read_json(path):
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        fail(f"{path}: {error.strerror}")
    except ValueError as error:
        fail(f"{path}: not valid JSON: {error}")


def read_weights(folder):
    """Returns the tensors by name, as 32-bit floats; a name's leading `transformer.` is left out."""
    files = sorted(folder.glob("*.safetensors"))
    if not files:
        fail(f"{folder}: no *.safetensors: name the folder of a generator (`pregonero models convert` makes one of a pickle)")
    weights = {}
    for path in files:
        data = path.read_bytes()
        (length,) = struct.unpack("<Q", data[:8])
        header = json.loads(data[8 : 8 + length])
        for name, entry in header.items():
            if name == "__metadata__":
                continue
            begin, end = (8 + length + offset for offset in entry["data_offsets"])
            kind = entry["dtype"]
            if kind not in KINDS:
                fail(f"{path}: {name} is stored as {kind}; only F32, F16 and BF16 can be converted")
            if kind == "BF16":
                bits = np.frombuffer(data[begin:end], dtype=np.uint16).astype(np.uint32) << 16
                values = bits.view(np.float32)
            else:
                values = np.frombuffer(data[begin:end], dtype=KINDS[kind]).astype(np.float32)
            weights[name.removeprefix("transformer.")] = values.reshape(entry["shape"])
    return weights


def add_tokenizer(writer, folder, config):
    """Adds vocabulary, merges and special tokens. Control tokens are those that tokenizer.json calls special."""
    if not (folder / "tokenizer.json").exists():
        fail(
            f"{folder}: no tokenizer.json: make one of vocab.json and merges.txt with `transformers.AutoTokenizer"
            f".from_pretrained({str(folder)!r}).save_pretrained({str(folder)!r})`"
        )
    description = read_json(folder / "tokenizer.json")
    model = description["model"]
    if model.get("type") != "BPE" or description["pre_tokenizer"].get("type") != "ByteLevel":
        fail(f"{folder}/tokenizer.json: not GPT-2's byte-level BPE, which is the only one that this script writes")
    tokens = {index: token for token, index in model["vocab"].items()}
    kinds = {index: gguf.TokenType.NORMAL for index in tokens}
    for added in description.get("added_tokens", []):
        tokens[added["id"]] = added["content"]
        kinds[added["id"]] = gguf.TokenType.CONTROL if added["special"] else gguf.TokenType.USER_DEFINED
    size = config["vocab_size"]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list([tokens.get(index, f"[UNUSED{index}]") for index in range(size)])
    writer.add_token_types([kinds.get(index, gguf.TokenType.UNUSED) for index in range(size)])
    writer.add_token_merges([merge if isinstance(merge, str) else " ".join(merge) for merge in model["merges"]])
    writer.add_eos_token_id(config["eos_token_id"])
    writer.add_bos_token_id(config["bos_token_id"])
    # A prompt is read as it is: no token is put before it.
    writer.add_add_bos_token(False)
    writer.add_add_eos_token(False)


def write(folder, target, kind):
    config = read_json(folder / "config.json")
    if config.get("model_type") != "gpt2":
        fail(f"{folder}/config.json: model_type is {config.get('model_type')!r}, not gpt2")
    if config.get("activation_function", "gelu_new") not in ("gelu_new", "gelu", "gelu_pytorch_tanh", "gelu_fast"):
        fail(f"{folder}/config.json: activation_function {config['activation_function']!r}: llama.cpp has only gelu")
    # llama.cpp divides attention by the square root of a head's width, and by nothing else.
    if not config.get("scale_attn_weights", True) or config.get("scale_attn_by_inverse_layer_idx"):
        fail(f"{folder}/config.json: scale_attn_weights or scale_attn_by_inverse_layer_idx: llama.cpp has no such attention")
    weights = read_weights(folder)
    writer = gguf.GGUFWriter(target, "gpt2")
    writer.add_name(folder.name)
    writer.add_context_length(config["n_positions"])
    writer.add_embedding_length(config["n_embd"])
    writer.add_block_count(config["n_layer"])
    writer.add_feed_forward_length(config.get("n_inner") or 4 * config["n_embd"])
    writer.add_head_count(config["n_head"])
    writer.add_layer_norm_eps(config["layer_norm_epsilon"])
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_F16 if kind == 16 else gguf.LlamaFileType.ALL_F32)
    add_tokenizer(writer, folder, config)
    for layer in range(config["n_layer"]):
        for source, name, transposed in TENSORS:
            if layer > 0 and "%d" not in source:
                continue
            source, name = (text.replace("%d", str(layer)) for text in (source, name))
            if source == "lm_head.weight" and source not in weights:
                # The head shares the embedding's weights.
                continue
            if source not in weights:
                fail(f"{folder}: the weights have no {source}")
            values = weights[source].T if transposed else weights[source]
            half = kind == 16 and values.ndim == 2 and name != "position_embd.weight"
            writer.add_tensor(name, np.ascontiguousarray(values, np.float16 if half else np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="the folder of a generator")
    parser.add_argument("target", type=Path, help="the GGUF file to write; must not exist")
    parser.add_argument("--float", type=int, choices=(16, 32), default=16, help="bits of a weight (default 16)")
    arguments = parser.parse_args()
    if arguments.target.exists():
        fail(f"{arguments.target}: exists already: remove it or choose another name")
    part = arguments.target.with_name(arguments.target.name + ".part")
    try:
        write(arguments.folder, part, arguments.float)
        os.replace(part, arguments.target)
    finally:
        part.unlink(missing_ok=True)
    print(f"{arguments.target}: {arguments.target.stat().st_size} bytes")


if __name__ == "__main__":
    main()
