"""Training and scoring speed of the classifiers beside PyTorch, on the same processor, in one run.

    python3 -m venv venv && venv/bin/pip install torch
    cargo build --release --bench classifier
    venv/bin/python benches/classifier_epoch.py

The seeds' three networks, same sizes on both sides: 17,104 words, 61 steps, batches of 32, Adam over all parameters. Takes turns
between the two, three rounds; prints the best of each and their ratio as a Markdown table, an epoch being the 168 steps of VacunaBot's
5,364 training tweets. Then what the built-in classifier scores a second.
"""
import glob, os, re, subprocess, sys, time
import torch
from torch import nn

WORDS, STEPS, BATCH, ROUNDS, COUNT, EPOCH = 17_104, 61, 32, 3, 10, 168
torch.set_num_threads(os.cpu_count())

class Classifier(nn.Module):
    def __init__(self, kind):
        super().__init__()
        width, units, dense = {"lstm": (512, [512] * 3, [64, 32, 16]), "bilstm": (256, [256, 128, 64], [64, 32, 16]),
                               "bigru": (256, [256, 128, 64], [256, 32, 16])}[kind]
        self.kind, self.embedding = kind, nn.Embedding(WORDS, width)
        self.value_dropout, self.spatial_dropout = nn.Dropout(0.2), nn.Dropout1d(0.2)
        layers = []
        for size in units:
            both = kind != "lstm"
            layers.append((nn.GRU if kind == "bigru" else nn.LSTM)(width, size, batch_first=True, bidirectional=both))
            width = size * (2 if both else 1)
        self.recurrent = nn.ModuleList(layers)
        stack = []
        for size in dense:
            stack += [nn.Linear(width, size), nn.ReLU()] + ([nn.Dropout(0.2 if kind == "lstm" else 0.5)] if size <= 32 else [])
            width = size
        self.dense = nn.Sequential(*stack, nn.Linear(width, 1))

    def forward(self, ids):
        x = self.embedding(ids)
        x = self.value_dropout(x) if self.kind == "lstm" else self.spatial_dropout(x.transpose(1, 2)).transpose(1, 2)
        for layer in self.recurrent:
            x, state = layer(x)
        x = torch.cat([state[0][0], state[0][1]], 1) if self.kind == "bilstm" else x.amax(1)
        return self.dense(x)[:, 0]

def theirs(kind):
    torch.manual_seed(0)
    model = Classifier(kind).train()
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    labels = (torch.arange(BATCH) % 2).float()
    def step():
        optimizer.zero_grad()
        nn.functional.binary_cross_entropy_with_logits(model(torch.randint(0, WORDS, (BATCH, STEPS))), labels).backward()
        optimizer.step()
    step()
    start = time.perf_counter()
    for _ in range(COUNT):
        step()
    return (time.perf_counter() - start) * 1e3 / COUNT

def main():
    target = os.environ.get("CARGO_TARGET_DIR", "target")
    binaries = [p for p in glob.glob(f"{target}/release/deps/classifier-*") if os.access(p, os.X_OK) and not p.endswith(".d")]
    if not binaries:
        sys.exit("no bench binary: run `cargo build --release --bench classifier` first")
    binary = max(binaries, key=os.path.getmtime)
    run = lambda *arguments: subprocess.run([binary, *arguments], capture_output=True, text=True, check=True).stdout.strip()
    best = {}
    for _ in range(ROUNDS):
        for kind in ("lstm", "bilstm", "bigru"):
            ours = float(re.search(r"([\d.]+) ms/step", run("train", kind, str(COUNT)))[1])
            best[kind] = [min(old, new) for old, new in zip(best.get(kind, [1e9, 1e9]), [ours, theirs(kind)])]
    print("| network | pregonero, s an epoch | PyTorch, s an epoch | speed ratio |\n|---|---|---|---|")
    for kind, (ours, torchs) in best.items():
        print(f"| {kind} | {ours * EPOCH / 1e3:.1f} | {torchs * EPOCH / 1e3:.1f} | {torchs / ours:.2f} |")
    print(f"\nBuilt-in classifier: {run('score', os.path.join(os.path.dirname(__file__), '..', 'models', 'classifier-vacunas-es'))}")

main()
