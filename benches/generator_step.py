"""A GPT-2's training step beside transformers/PyTorch: the same sizes, on the same processor, in one run.

    python3 -m venv venv && venv/bin/pip install torch transformers
    cargo build --release --bench training
    venv/bin/python benches/generator_step.py [f32 | bf16]

Takes turns between the two, three rounds, each in a process of its own; prints the best of each, the ratio, and the peak
memory as a Markdown table. PyTorch's step is GPT2LMHeadModel with dropout 0.1, clipping and AdamW, as transformers' Trainer
does it; with bf16 both round the factors of products (torch.autocast).
On a busy machine RAYON_NUM_THREADS=1 gives both one thread, so that none waits for another, and processor time compares them.
"""
import glob, os, re, resource, subprocess, sys, time

# layers, width, heads, vocabulary, rows, length, steps
CASES = {"6 x 384, vocabulary 50,257": (6, 384, 6, 50257, 8, 128, 8), "6 x 384, vocabulary 8,192": (6, 384, 6, 8192, 8, 128, 12),
         "4 x 256, vocabulary 8,192": (4, 256, 4, 8192, 8, 128, 20)}
ROUNDS = 3

def theirs(layers, width, heads, vocabulary, rows, length, steps, precision):
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel
    torch.set_num_threads(int(os.environ.get("RAYON_NUM_THREADS", os.cpu_count())))
    torch.manual_seed(0)
    model = GPT2LMHeadModel(GPT2Config(vocab_size=vocabulary, n_positions=length, n_embd=width, n_layer=layers, n_head=heads,
        bos_token_id=0, eos_token_id=0)).train()
    decay = [p for n, p in model.named_parameters() if n.endswith("weight") and "ln_" not in n]
    rest = [p for n, p in model.named_parameters() if not (n.endswith("weight") and "ln_" not in n)]
    optimizer = torch.optim.AdamW([{"params": decay, "weight_decay": 0.01}, {"params": rest, "weight_decay": 0.0}], lr=1e-4)
    def step():
        ids = torch.randint(0, vocabulary, (rows, length))
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
            loss = model(input_ids=ids, labels=ids).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
    for _ in range(2):
        step()
    start, busy = time.perf_counter(), time.process_time()
    for _ in range(steps):
        step()
    wall, busy = time.perf_counter() - start, time.process_time() - busy
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{wall * 1e3 / steps:.1f} ms/step, {busy * 1e3 / steps:.1f} ms of processor time, {peak:.0f} MB at most")

def main():
    if "--theirs" in sys.argv:
        return theirs(*map(int, sys.argv[2:9]), sys.argv[9])
    precision = sys.argv[1] if len(sys.argv) > 1 else "f32"
    target = os.environ.get("CARGO_TARGET_DIR", "target")
    binaries = [p for p in glob.glob(f"{target}/release/deps/training-*") if os.access(p, os.X_OK) and not p.endswith(".d")]
    if not binaries:
        sys.exit("no bench binary: run `cargo build --release --bench training` first")
    binary = max(binaries, key=os.path.getmtime)
    programs = {"pregonero": [binary], "PyTorch": [sys.executable, __file__, "--theirs"]}
    print("| model, batch 8 x 128 | program | steps/s | ms of processor time a step | peak memory, MB |\n|---|---|---|---|---|")
    for name, case in CASES.items():
        best = {}
        for _ in range(ROUNDS):
            for program, command in programs.items():
                out = subprocess.run([*command, *map(str, case), precision], capture_output=True, text=True, check=True).stdout
                found = [float(x) for x in re.search(r"([\d.]+) ms/step, ([\d.]+) ms .*?, ([\d.]+) MB", out).groups()]
                best[program] = [min(pair) for pair in zip(best.get(program, found), found)]
        for program, (wall, busy, peak) in best.items():
            print(f"| {name} | {program} | {1e3 / wall:.2f} | {busy:.0f} | {peak:.0f} |")
        ours, torchs = best["pregonero"], best["PyTorch"]
        print(f"| {name} | ratio | {torchs[0] / ours[0]:.2f} | {torchs[1] / ours[1]:.2f} | {torchs[2] / ours[2]:.2f} |", flush=True)

main()
