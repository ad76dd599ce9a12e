"""What int4 weights would cost: rounds the matrices of the built-in generator to int4 and back, and measures its perplexity.

    python3 -m venv venv && venv/bin/pip install numpy safetensors
    cargo build --release
    venv/bin/python benches/int4_cost.py [--program target/release/pregonero]

Each group of inputs of one output has a scale and a zero point, from the clip out of 60 with the least squared error. Prints
a Markdown table: perplexity on 400 fresh texts of the model's own grammar, and bits per weight with scale and zero point in f16.
"""
import argparse, json, pathlib, shutil, subprocess, tempfile
import numpy as np
from safetensors.numpy import load_file, save_file

ROOT = pathlib.Path(__file__).resolve().parent.parent
MODEL = ROOT / "models/generator-es"

def rounded(weights, group):
    """Rounds rows of outputs in groups of inputs."""
    outputs, inputs = weights.shape
    x = np.pad(weights, ((0, 0), (0, -inputs % group))).reshape(outputs, -1, group)
    lowest, highest = x.min(2, keepdims=True), x.max(2, keepdims=True)
    best, result = np.full(x.shape[:2], np.inf), np.zeros_like(x)
    for clip in np.linspace(0.5, 1, 60):
        scale = np.maximum((highest - lowest) * clip / 15, 1e-12)
        values = np.clip(np.round((x - lowest * clip) / scale), 0, 15) * scale + lowest * clip
        error = ((values - x) ** 2).sum(2)
        result[error < best] = values[error < best]
        best = np.minimum(best, error)
    return np.ascontiguousarray(result.reshape(outputs, -1)[:, :inputs])

def write(folder, group, embedding):
    """Writes the model with its matrices rounded, and the embedding too if it is asked for."""
    tensors = {name: values.astype(np.float32) for name, values in load_file(MODEL / "model.safetensors").items()}
    for name, values in tensors.items():
        if name.endswith("wte.weight"):
            tensors[name] = rounded(values, group) if embedding else values
        elif values.ndim == 2 and "wpe" not in name:
            tensors[name] = np.ascontiguousarray(rounded(values.T, group).T)
    for name in ("config.json", "tokenizer.json"):
        shutil.copy(MODEL / name, folder)
    save_file(tensors, folder / "model.safetensors")

def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default=ROOT / "target/release/pregonero")
    program = parser.parse_args().program
    run = lambda *arguments: subprocess.run([program, *map(str, arguments)], check=True, capture_output=True, text=True).stdout
    with tempfile.TemporaryDirectory() as work:
        texts = pathlib.Path(work) / "fresh.jsonl"
        run("dataset", "compose", "--grammar", MODEL / "campaign.grammar.json", "-n", 400, "--seed", 77, "--columns", "tema,hashtags", "--output", texts)
        bits = lambda model: json.loads(run("--json", "evaluate", "generator", "--model", model, "--data", f"{texts}:text"))["bits_per_token"]
        before = bits(MODEL)
        print("| groups of | embedding | bits per weight | perplexity, % worse |\n|---|---|---|---|")
        for group, embedding in [(32, True), (16, True), (32, False), (16, False)]:
            folder = pathlib.Path(work) / f"{group}-{embedding}"
            folder.mkdir()
            write(folder, group, embedding)
            print(f"| {group} | {'int4' if embedding else 'as it was'} | {4 + 32 / group:.0f} | {100 * (2 ** (bits(folder) - before) - 1):.2f} |")

main()
