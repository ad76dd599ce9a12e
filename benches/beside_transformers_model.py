"""A model that `train generator` wrote, read by transformers: the same tokens, the same cross-entropy?

    python3 -m venv venv && venv/bin/pip install torch transformers
    venv/bin/python benches/beside_transformers_model.py FOLDER TEXTS.txt [PROGRAM]

TEXTS.txt has one text a line, none too long for the model's context. A model with control tokens reads each text behind its
context without values, as `evaluate generator` does; of another one all texts are one stream in blocks.
"""
import json, subprocess, sys
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

def nats(model, ids, first):
    """Sum of the negative log-probabilities of ids[first:]."""
    with torch.no_grad():
        logits = model(torch.tensor([ids[:-1]])).logits[0].double()
    picked = logits.log_softmax(-1)[range(first - 1, len(ids) - 1), ids[first:]]
    return -picked.sum().item()

def main(folder, texts, program="target/release/pregonero"):
    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    model.eval()
    layout = json.loads(Path(folder, "config.json").read_text()).get("pregonero_control")
    lines = [line for line in Path(texts).read_text().splitlines() if line.strip()]
    end, block = tokenizer.eos_token_id, model.config.n_positions
    encoded = [tokenizer.encode(line, add_special_tokens=False) for line in lines]
    total = tokens = 0
    if layout:
        context = [tokenizer.convert_tokens_to_ids(a["token"]) for a in layout["attributes"]]
        context.append(tokenizer.convert_tokens_to_ids(layout["start"]))
        for ids in encoded:
            total += nats(model, context + ids + [end], len(context))
            tokens += len(ids) + 1
    else:
        stream = [end] + [id for ids in encoded for id in ids + [end]]
        for start in range(0, len(stream) - 1, block):
            window = stream[start:start + block + 1]
            total += nats(model, window, 1)
            tokens += len(window) - 1
    ours = json.loads(subprocess.run([program, "--json", "-q", "evaluate", "generator", "--model", folder, "--clean", "none", "--data", texts],
        check=True, capture_output=True, text=True).stdout)
    print(f"{len(lines)} texts, tokens: transformers {tokens}, pregonero {ours['tokens']}")
    print(f"nats a token: transformers {total / tokens:.6f}, pregonero {ours['cross_entropy']:.6f}, difference {abs(total / tokens - ours['cross_entropy']):.1e}")
    sys.exit(tokens != ours["tokens"] or abs(total / tokens - ours["cross_entropy"]) > 1e-4)

main(*sys.argv[1:])
