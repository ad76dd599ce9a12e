"""Decoding speed compared with CTranslate2, on the same random GPT-2 124M, on the same processor, in one run.

    python3 -m venv venv && venv/bin/pip install ctranslate2 numpy safetensors
    cargo build --release --bench decoding
    venv/bin/python benches/beside_ctranslate2.py [--rounds 5] [--avx2] [--batches 1,8,16] [--folder FOLDER] [--one-thread]

All engines stay loaded and take turns, so that a noisy machine slows all of them; prints the median tokens/s of each and
the ratios of pregonero's int8 to CTranslate2's int8, turn by turn, as a Markdown table. `--avx2` also measures both with
nothing wider than AVX2. `--folder` keeps the models for another run. `--one-thread` gives each engine one thread and counts
its processor time instead of the clock's, for a machine that has other work.
"""
import argparse, json, os, statistics, subprocess, sys, tempfile, time
from random_gpt2 import newest_binary, write_tokenizer

NEW, PROMPT = 48, 19
LAYERS, WIDTH, HEADS, VOCABULARY, POSITIONS = 12, 768, 12, 50257, 1024

def write_models(folder):
    """The same weights in Hugging Face's layout and in CTranslate2's, drawn as GPT-2 draws them at first."""
    import numpy as np
    from ctranslate2.specs import common_spec, transformer_spec
    from safetensors.numpy import save_file
    ours, theirs = os.path.join(folder, "gpt2"), os.path.join(folder, "ct2")
    os.makedirs(ours, exist_ok=True)
    rng, tensors = np.random.default_rng(0), {}
    draw = lambda *shape: rng.normal(0, 0.02, shape).astype(np.float32)
    def norm(spec, name):
        tensors[f"{name}.weight"], tensors[f"{name}.bias"] = np.ones(WIDTH, np.float32), np.zeros(WIDTH, np.float32)
        spec.gamma, spec.beta = tensors[f"{name}.weight"], tensors[f"{name}.bias"]
    def conv(spec, name, inputs, outputs):
        tensors[f"{name}.weight"], tensors[f"{name}.bias"] = draw(inputs, outputs), np.zeros(outputs, np.float32)
        spec.weight, spec.bias = np.ascontiguousarray(tensors[f"{name}.weight"].T), tensors[f"{name}.bias"]
    spec = transformer_spec.TransformerDecoderModelSpec.from_config(LAYERS, HEADS, pre_norm=True,
        activation=common_spec.Activation.GELUTanh)
    decoder = spec.decoder
    decoder.scale_embeddings = False
    tensors["wte.weight"], tensors["wpe.weight"] = draw(VOCABULARY, WIDTH), draw(POSITIONS, WIDTH)
    decoder.embeddings.weight, decoder.position_encodings.encodings = tensors["wte.weight"], tensors["wpe.weight"]
    decoder.projection.weight = tensors["wte.weight"].copy()
    norm(decoder.layer_norm, "ln_f")
    for index, layer in enumerate(decoder.layer):
        name = f"h.{index}"
        norm(layer.self_attention.layer_norm, f"{name}.ln_1")
        conv(layer.self_attention.linear[0], f"{name}.attn.c_attn", WIDTH, 3 * WIDTH)
        conv(layer.self_attention.linear[1], f"{name}.attn.c_proj", WIDTH, WIDTH)
        norm(layer.ffn.layer_norm, f"{name}.ln_2")
        conv(layer.ffn.linear_0, f"{name}.mlp.c_fc", WIDTH, 4 * WIDTH)
        conv(layer.ffn.linear_1, f"{name}.mlp.c_proj", 4 * WIDTH, WIDTH)
    save_file(tensors, os.path.join(ours, "model.safetensors"))
    json.dump(dict(model_type="gpt2", vocab_size=VOCABULARY, n_embd=WIDTH, n_layer=LAYERS, n_head=HEADS, n_positions=POSITIONS,
        bos_token_id=50256, eos_token_id=50256), open(os.path.join(ours, "config.json"), "w"))
    words = write_tokenizer(ours)
    spec.register_vocabulary(words)
    spec.config.bos_token = spec.config.eos_token = spec.config.unk_token = "<|endoftext|>"
    spec.validate()
    spec.optimize(quantization="int8")
    os.makedirs(theirs, exist_ok=True)
    spec.save(theirs)

def serve(folder, compute, threads):
    """Speaks what `cargo bench --bench decoding -- FOLDER -` speaks."""
    import ctranslate2
    generator = ctranslate2.Generator(os.path.join(folder, "ct2"), device="cpu", compute_type=compute, inter_threads=1,
        intra_threads=threads)
    prompt = [f"token{index}" for index in range(300, 300 + PROMPT)]
    def tokens(batch, new):
        out = generator.generate_batch([prompt] * batch, max_length=new, min_length=new, sampling_topk=50,
            sampling_topp=0.95, sampling_temperature=0.9, repetition_penalty=1.1, no_repeat_ngram_size=3,
            include_prompt_in_result=False)
        return sum(len(one.sequences_ids[0]) for one in out)
    tokens(1, 4)
    print("ready", flush=True)
    for line in sys.stdin:
        start = time.perf_counter()
        count = tokens(int(line), NEW)
        print(f"{count / (time.perf_counter() - start):.1f} tokens/s", flush=True)

class Engine:
    def __init__(self, command, **variables):
        self.child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env=os.environ | variables)
        assert "ready" in self.child.stdout.readline()
    def speed(self, batch):
        before = self.processor_seconds()
        self.child.stdin.write(f"{batch}\n")
        self.child.stdin.flush()
        by_clock = float(self.child.stdout.readline().split(" tokens/s")[0].split()[-1])
        return batch * NEW / (self.processor_seconds() - before) if "ONE_THREAD" in os.environ else by_clock
    def processor_seconds(self):
        user, system = open(f"/proc/{self.child.pid}/stat").read().rsplit(")")[-1].split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")
    def resident(self):
        status = open(f"/proc/{self.child.pid}/status").read()
        return int(status.split("VmRSS:")[1].split()[0]) / 1024

def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--batches", default="1,8,16")
    parser.add_argument("--avx2", action="store_true")
    parser.add_argument("--folder")
    parser.add_argument("--one-thread", action="store_true")
    parser.add_argument("--serve", nargs=2)
    arguments = parser.parse_args()
    threads = 1 if arguments.one_thread else len(os.sched_getaffinity(0))
    variables = {"RAYON_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "ONE_THREAD": "1"} if arguments.one_thread else {}
    os.environ.update(variables)
    if arguments.serve:
        return serve(*arguments.serve, 1 if "ONE_THREAD" in os.environ else threads)
    binary = newest_binary()
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.folder or temporary
        if not os.path.exists(os.path.join(folder, "ct2", "model.bin")):
            write_models(folder)
        ours = [binary, os.path.join(folder, "gpt2")]
        theirs = [sys.executable, __file__, "--serve", folder]
        engines = {
            "pregonero int8": Engine(ours + ["--weights", "int8", "-"]),
            "CTranslate2 int8": Engine(theirs + ["int8"]),
            "pregonero f32": Engine(ours + ["--weights", "f32", "-"]),
            "CTranslate2 f32": Engine(theirs + ["float32"]),
        }
        pairs = [("pregonero int8", "CTranslate2 int8")]
        if arguments.avx2:
            engines["pregonero int8, AVX2"] = Engine(ours + ["--weights", "int8", "--kernel", "avx2", "-"])
            engines["CTranslate2 int8, AVX2"] = Engine(theirs + ["int8"], CT2_FORCE_CPU_ISA="AVX2",
                ONEDNN_MAX_CPU_ISA="AVX2", MKL_ENABLE_INSTRUCTIONS="AVX2")
            pairs.append(("pregonero int8, AVX2", "CTranslate2 int8, AVX2"))
        print("| batch | " + " | ".join(engines) + " | " + " | ".join(f"{a} / {b}" for a, b in pairs) + " |")
        print("|---" * (1 + len(engines) + len(pairs)) + "|")
        for batch in map(int, arguments.batches.split(",")):
            turns = [{name: engine.speed(batch) for name, engine in engines.items()} for _ in range(arguments.rounds)]
            speeds = [f"{statistics.median(turn[name] for turn in turns):.0f}" for name in engines]
            ratios = [f"{statistics.median(turn[a] / turn[b] for turn in turns):.2f}" for a, b in pairs]
            print(f"| {batch} | " + " | ".join(speeds + ratios) + " |", flush=True)
        print("resident, MB: " + ", ".join(f"{name} {engine.resident():.0f}" for name, engine in engines.items()))
        for engine in engines.values():
            engine.child.stdin.close()

main()
