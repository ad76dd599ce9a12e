"""Decoding speed beside transformers/PyTorch, on the same random GPT-2 124M, on the same processor, in one run.

    python3 -m venv venv && venv/bin/pip install torch transformers
    cargo build --release --bench decoding
    venv/bin/python benches/beside_transformers.py

Takes turns between the two, three rounds; prints the best of each and their ratio as a Markdown table.
"""
import os, re, subprocess, tempfile, time
import torch
from transformers import GPT2Config, GPT2LMHeadModel
from random_gpt2 import newest_binary, write_tokenizer

BATCHES, NEW, ROUNDS = (1, 8, 16), 48, 3

def main():
    binary = newest_binary()
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
