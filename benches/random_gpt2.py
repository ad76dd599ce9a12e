"""What the scripts next to this one share: the tokenizer of a random GPT-2 124M, and the program that measures decoding."""
import glob, json, os, sys

def write_tokenizer(folder):
    """A tokenizer over the 256 bytes: the weights are random, so any will do, but the vocabulary is GPT-2's own size."""
    visible = list(range(33, 127)) + list(range(161, 173)) + list(range(174, 256))
    hidden = [byte for byte in range(256) if byte not in visible]
    alphabet = [chr(byte) if byte in visible else chr(256 + hidden.index(byte)) for byte in range(256)]
    vocab = {char: index for index, char in enumerate(alphabet)} | {f"token{index}": index for index in range(256, 50256)}
    vocab["<|endoftext|>"] = 50256
    json.dump(vocab, open(os.path.join(folder, "vocab.json"), "w"))
    open(os.path.join(folder, "merges.txt"), "w").write("#version: 0.2\n")
    return list(vocab)

def newest_binary():
    """The newest build of benches/decoding.rs."""
    target = os.environ.get("CARGO_TARGET_DIR", "target")
    binaries = [p for p in glob.glob(f"{target}/release/deps/decoding-*") if os.access(p, os.X_OK) and not p.endswith(".d")]
    if not binaries:
        sys.exit("no bench binary: run `cargo build --release --bench decoding` first")
    return max(binaries, key=os.path.getmtime)
