"""Decoding speed beside transformers/PyTorch, on the same random GPT-2 124M, on the same processor, in one run.

    python3 -m venv venv && venv/bin/pip install torch transformers
    cargo build --release --bench decoding
    venv/bin/python benches/beside_transformers.py

Takes turns between the two, three rounds; prints the best of each and their ratio as a Markdown table.
"""
import glob, os, re, subprocess, sys, tempfile, time
import torch
from transformers import GPT2Config, GPT2LMHeadModel

BATCHES, NEW, ROUNDS = (1, 8, 16), 48, 3

def write_tokenizer(folder):
    """A tokenizer over the 256 bytes: the weights are random, so any will do, but the vocabulary is GPT-2's own size."""
    import json
    visible = list(range(33, 127)) + list(range(161, 173)) + list(range(174, 256))
    alphabet, extra = {}, 0
    for byte in range(256):
        if byte in visible:
            alphabet[byte] = chr(byte)
        else:
            alphabet[byte] = chr(256 + extra)
            extra += 1
    vocab = {char: index for index, char in enumerate(alphabet.values())}
    for index in range(256, 50256):
        vocab[f"token{index}"] = index
    vocab["<|endoftext|>"] = 50256
    json.dump(vocab, open(os.path.join(folder, "vocab.json"), "w"))
    open(os.path.join(folder, "merges.txt"), "w").write("#version: 0.2\n")

def main():
    target = os.environ.get("CARGO_TARGET_DIR", "target")
    binaries = [p for p in glob.glob(f"{target}/release/deps/decoding-*") if os.access(p, os.X_OK) and not p.endswith(".d")]
    if not binaries:
        sys.exit("no bench binary: run `cargo build --release --bench decoding` first")
    binary = max(binaries, key=os.path.getmtime)
    torch.manual_seed(0)
    torch.set_num_threads(os.cpu_count())
    model = GPT2LMHeadModel(GPT2Config(resid_pdrop=0, embd_pdrop=0, attn_pdrop=0)).eval()
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        write_tokenizer(folder)
        ours, theirs = {b: 0.0 for b in BATCHES}, {b: 0.0 for b in BATCHES}
        prompt = torch.randint(0, 256, (1, 19))
        for _ in range(ROUNDS):
            for batch in BATCHES:
                out = subprocess.run([binary, folder, str(batch)], capture_output=True, text=True, check=True).stdout
                ours[batch] = max(ours[batch], float(re.search(r"([\d.]+) tokens/s", out)[1]))
                with torch.no_grad():
                    start = time.perf_counter()
                    ids = model.generate(prompt.expand(batch, -1), max_new_tokens=NEW, min_new_tokens=NEW, do_sample=True,
                        temperature=0.9, top_k=50, top_p=0.95, repetition_penalty=1.1, no_repeat_ngram_size=3, pad_token_id=0)
                    seconds = time.perf_counter() - start
                theirs[batch] = max(theirs[batch], batch * (ids.shape[1] - prompt.shape[1]) / seconds)
    print("| batch | pregonero, tokens/s | transformers, tokens/s | ratio |\n|---|---|---|---|")
    for batch in BATCHES:
        print(f"| {batch} | {ours[batch]:.1f} | {theirs[batch]:.1f} | {ours[batch] / theirs[batch]:.2f} |")

main()
