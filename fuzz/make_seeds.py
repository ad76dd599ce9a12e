"""Writes fixtures/ and corpus/: the tiny models and the seeds that the targets start from. All of it is invented.

    python3 fuzz/make_seeds.py
"""
import base64, hashlib, io, json, pathlib, random, shutil, struct, zipfile

root = pathlib.Path(__file__).resolve().parent
chance = random.Random(1)


def safetensors(shapes):
    header, data = {}, b""
    for name, shape in shapes.items():
        count = 1
        for size in shape:
            count *= size
        values = struct.pack(f"<{count}f", *(chance.uniform(-0.3, 0.3) for _ in range(count)))
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [len(data), len(data) + len(values)]}
        data += values
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + data


def write(path, data):
    path = root / path
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data.encode() if isinstance(data, str) else data)


def seeds(target, files):
    shutil.rmtree(root / "corpus" / target, ignore_errors=True)
    for name, data in files.items():
        write(f"corpus/{target}/{name}", data)


compact = lambda value: json.dumps(value, separators=(",", ":"), ensure_ascii=False)

# A GPT-2 of one layer and width 4 whose tokenizer knows some letters.
letters = ["<|endoftext|>", *"abcdefghijlmnopqrstuvz", "Ġ", ".", "la", "Ġla"]
vocabulary = {token: number for number, token in enumerate(letters)}
byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
end = {"id": 0, "content": "<|endoftext|>", "single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
tokenizer = compact({
    "version": "1.0", "added_tokens": [end], "pre_tokenizer": byte_level, "decoder": byte_level,
    "model": {"type": "BPE", "vocab": vocabulary, "merges": [["l", "a"], ["Ġ", "la"]]},
})
gpt2 = {"model_type": "gpt2", "vocab_size": len(letters), "n_positions": 8, "n_embd": 4, "n_layer": 1, "n_head": 2, "bos_token_id": 0, "eos_token_id": 0}
generator = safetensors({
    "wte.weight": [len(letters), 4], "wpe.weight": [8, 4],
    "h.0.ln_1.weight": [4], "h.0.ln_1.bias": [4], "h.0.attn.c_attn.weight": [4, 12], "h.0.attn.c_attn.bias": [12],
    "h.0.attn.c_proj.weight": [4, 4], "h.0.attn.c_proj.bias": [4], "h.0.ln_2.weight": [4], "h.0.ln_2.bias": [4],
    "h.0.mlp.c_fc.weight": [4, 16], "h.0.mlp.c_fc.bias": [16], "h.0.mlp.c_proj.weight": [16, 4], "h.0.mlp.c_proj.bias": [4],
    "ln_f.weight": [4], "ln_f.bias": [4],
})
# `generator-int8` is made of this one by the program: see `GENERATOR_INT8` in src/lib.rs.
write("fixtures/generator/config.json", compact(gpt2))
write("fixtures/generator/tokenizer.json", tokenizer)
write("fixtures/generator/model.safetensors", generator)

# A BiLSTM of 2 units over 6 words.
words = compact({"words": ["hola", "a", "todos", "la", "vacuna", "no"]})
network = {"vocabulary_size": 8, "steps": 4, "architecture": {"kind": "bilstm", "embedding": 3, "lstm": [2], "dense": [{"units": 2, "dropout": 0.5}]}}
bilstm = {"name": "classifier", "network": network, "cleaning": "plain", "labels": ["negative", "positive"], "held_out": {"seed": 1, "shares": {"train": 0.7, "validation": 0.1, "test": 0.2}}}
half = lambda name: {f"bilstm.0.{name}.bias": [8], f"bilstm.0.{name}.input_weight": [3, 8], f"bilstm.0.{name}.recurrent_weight": [2, 8]}
classifier = safetensors({
    "embedding.weight": [8, 3], **half("forward"), **half("backward"),
    "dense.0.weight": [4, 2], "dense.0.bias": [2], "output.weight": [2, 1], "output.bias": [1],
})
write("fixtures/classifier/config.json", compact(bilstm))
write("fixtures/classifier/vocabulary.json", words)
write("fixtures/classifier/model.safetensors", classifier)

int8 = lambda name: (root / "fixtures/generator-int8" / name).read_bytes()
seeds("safetensors_model", {
    "int8": b"\5" + int8("model.safetensors"), "int8_config": b"\6" + int8("config.json"),
    "generator": b"\0" + generator, "classifier": b"\1" + classifier, "generator_config": b"\2" + compact(gpt2).encode(),
    "classifier_config": b"\3" + compact(bilstm).encode(), "vocabulary": b"\4" + words.encode(),
})
seeds("tokenizer", {
    "json": b"\0" + tokenizer.encode(),
    "around": b"\2" + compact({"add_prefix_space": True, "add_bos_token": True, "bos_token": {"__type": "AddedToken", "content": "<s>"}}).encode()
        + b"\0" + compact({"eos_token": "</s>", "additional_special_tokens": ["[TWEET]"]}).encode()
        + b"\0" + compact({"</s>": 5, "[TWEET]": 6, "vacunódromo": 7}).encode(),
    "all_tokens": b"\2" + compact({"added_tokens_decoder": {"4": {"content": "<|endoftext|>", "special": True},
        "5": {"content": "ñandú", "special": False, "single_word": True, "lstrip": True}}}).encode(),
    "pair": b"\1" + compact(vocabulary).encode() + b"\0#version: 0.2\nl a\n\xc4\xa0 la\n",
})

problem = lambda status, kind, detail: compact({"title": "Invented", "type": f"https://api.x.com/2/problems/{kind}", "status": status, "detail": detail})
limits = "x-rate-limit-limit: 100\nx-rate-limit-remaining: 0\nx-rate-limit-reset: 1772366700\nx-user-limit-24hour-remaining: 3\nx-user-limit-24hour-reset: 1772450000\n"
page = {"data": [{"id": "1445880548472328192", "text": "Hola &amp; ya https://t.co/a", "created_at": "2026-03-01T12:00:01.000Z", "edit_history_tweet_ids": ["1445880548472328192"], "entities": {"urls": [{"url": "https://t.co/a", "expanded_url": "https://example.com/a"}]}}], "meta": {"result_count": 1, "next_token": "more"}}
seeds("x_answer", {
    "created": "201\nx-transaction-id: invented\n" + limits + "\n" + compact({"data": {"id": "17", "text": "Hola"}}),
    "page": "200\nx-rate-limit-remaining: 9\n\n" + compact(page),
    "empty_page": '200\n\n{"meta":{"result_count":0}}',
    "limited": "429\nretry-after: 60\n" + limits + "\n" + problem(429, "usage-capped", "Usage cap exceeded: Monthly product cap")[:-1] + ',"period":"Monthly"}',
    "century": "429\nx-rate-limit-remaining: 0\nx-rate-limit-reset: 253402207199\n\n" + problem(429, "about:blank", "Too Many Requests"),
    "confused": "403\n\n" + problem(403, "unsupported-authentication", "Authenticating with Unknown is forbidden"),
    "clock": "401\ndate: Sun, 01 Mar 2026 13:00:00 GMT\n\n" + problem(401, "about:blank", "Unauthorized"),
    "code": '403\n\n{"errors":[{"code":187,"message":"Status is a duplicate."}]}',
    "html": "503\ncontent-type: text/html\n\n<html><title>Just a moment</title></html>",
    "redirect": "302\nlocation: https://example.com/\n\n",
    "cut": '201\nx-cut: 1\n\n{"data":{"id":"17","te',
    "key": '400\n\n{"detail":"the key invented-key-1 is unknown"}',
})
seeds("config", {"wrong": '[schedule]\ncron = ["* * *", 7]\ntimezone = "Mars/Base"\njitter = "-3 parsecs"\n[generation]\ntop_k = 1e400\ntemprature = 0.0\n'})
# The program's own, as it is now.
(root / "corpus/config/whole").symlink_to("../../../config.toml")
seeds("labelled_csv", {
    "plain": "text,label,author\nhola a todos,positive,ana\nno y no,0,luis\n",
    "quoted": 'author,label,text\r\nana,1,"dos\r\nlíneas, y ""comillas"""\r\n',
    "open_quote": 'text,label,author\n"sin final,1,ana\notra,0,luis\n',
})
text = "Mañana vamos a la playa con todos https://t.co/x @ana"
seeds("texts", {"csv": f'\0text,label\n"{text}",1\n', "jsonl": "\1" + compact({"text": text}) + "\n" + compact({"text": 3}) + "\n", "plain": f"\2{text}\nRT: la plaza está llena, &amp; canta …\n"})
seeds("word_vectors", {"header": "2 3\nhola 0.1 -2e-3 3\ntodos 1 2 3\n", "glove": "hola 0.1 0.2\n. . . 0.3 0.4\n", "wrong": "2 3\nhola 0.1 nan 3\n"})

# The index of the gate, without its checksum (the target adds it): magic, version, window, seed, count, differences.
index = b"PGVERBAT" + struct.pack("<IIQI", 1, 5, 7, 3) + bytes([5, 0x80, 1, 3])
# Own texts: a skippable frame with magic, version, count, bytes and a checksum (the target puts it right); then a frame of
# zstd that holds its one block as it is.
own = b"la plaza llena de gente\nuna plaza llena de gente que canta\n"
frame = struct.pack("<I", 0xFD2FB528) + bytes([0x20, len(own)]) + (len(own) << 3 | 1).to_bytes(3, "little") + own
own_texts = struct.pack("<II", 0x184D2A50, 32) + b"PGOWNTXT" + struct.pack("<IIQQ", 1, 2, len(own), 0) + frame
seeds("verbatim_index", {
    "three": index,
    "whole": index + hashlib.sha256(index).digest()[:8],
    "own_texts": own_texts,
})

# PyTorch's weights, instruction by instruction: no PyTorch is needed here, and what it would refuse to write can be written.
text = lambda value: b"X" + struct.pack("<I", len(value)) + value.encode()
integer = lambda value: b"J" + struct.pack("<i", value)
group = lambda *items: b"(" + b"".join(items) + b"t"
ordered_dict = b"ccollections\nOrderedDict\n)R"


def storage(kind, key, count, *view):
    return group(text("storage"), f"ctorch\n{kind}\n".encode(), text(key), text("cpu"), integer(count), *view) + b"Q"


def tensor(values, shape, strides, offset=0):
    sizes = lambda numbers: group(*map(integer, numbers))
    return b"ctorch._utils\n_rebuild_tensor_v2\n" + group(values, integer(offset), sizes(shape), sizes(strides), b"\x89", ordered_dict) + b"R"


def state(*view):
    wte, head = storage("FloatStorage", "0", 16, *view), storage("HalfStorage", "1", 32, *view)
    parameter = b"ctorch._utils\n_rebuild_parameter\n" + group(tensor(head, [4, 2], [1, 8], 2), b"\x88", ordered_dict) + b"R"
    items = text("wte.weight") + tensor(wte, [4, 4], [4, 1]) + text("lm_head.weight") + tensor(wte, [4, 4], [4, 1]) + text("ln_f.weight") + parameter + text("h.0.attn.bias") + tensor(head, [1, 1, 2, 2], [4, 4, 2, 1])
    return b"\x80\x02" + ordered_dict + b"(" + items + b"u}" + text("_metadata") + ordered_dict + b"sb."


def archive(pickle):
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w") as file:
        for name, content in [("data.pkl", pickle), ("byteorder", b"little"), ("data/0", bytes(64)), ("data/1", bytes(64)), ("version", b"3\n")]:
            file.writestr(zipfile.ZipInfo(f"archive/{name}"), content)
    return memory.getvalue()


magic = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.\x80\x02}" + text("little_endian") + b"\x88s."
stored = lambda count, size: struct.pack("<q", count) + bytes(count * size)
part = group(text("part"), integer(2), integer(8))
seeds("pickle", {
    "pickle": state(), "zip": archive(state()),
    "stream": magic + state(b"N") + b"\x80\x02](" + text("0") + text("1") + b"e." + stored(16, 4) + stored(32, 2),
    "parts": magic + state(part) + b"\x80\x02](" + text("0") + text("1") + b"e." + stored(16, 4) + stored(32, 2),
    "call": b"\x80\x02cposix\nsystem\n" + group(text("exit")) + b"R.",
    "newer": b"\x80\x04\x95" + bytes(8) + b"}\x94(\x8c\x01w\x94\x8c\x05torch\x94\x8c\x0cFloatStorage\x94\x93u.",
})

# The audit log's formats: a leaf, a verifier and a signing key, a note (the example of Go's package `note`), a proof.
checkpoint = (
    "pregonero/prueba\n3\nBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=\n\n"
    "\u2014 pregonero/prueba " + base64.b64encode(bytes(range(68))).decode() + "\n"
)
hashes = [base64.b64encode(bytes([number] * 32)).decode() for number in (1, 2)]
key = b"\x01" + bytes([3] * 32)
identity = hashlib.sha256(b"pregonero/prueba\n" + key).hexdigest()[:8]
seeds("audit_formats", {
    "leaf": "pregonero-audit/v1\n42\noutcome\n2026-03-01T14:00:00.000Z\n" + hashes[0] + "\n",
    "verifier": f"pregonero/prueba+{identity}+{base64.b64encode(key).decode()}",
    "signer": f"PRIVATE+KEY+pregonero/prueba+{identity}+{base64.b64encode(key).decode()}\n",
    "note": "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n\n"
    "\u2014 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n",
    "checkpoint": checkpoint,
    "proof": "c2sp.org/tlog-proof@v1\nextra e30=\nindex 1\n" + "\n".join(hashes) + "\n\n" + checkpoint,
})

# The zoo's files, with the byte that chooses a name and how strictly they are read.
zoo = root.parent / "tests/data/zoo"
choices = {
    "latin1.csv": 0, "stray-quotes.csv": 0, "multiline.csv": 4, "unicode-text.txt": 1, "pipes.txt": 1, "lines.txt": 5,
    "lines.ndjson": 2, "v2-pages.jsonl": 6, "v1.json": 2, "array.json": 1, "tweets.js": 3, "two.zip": 0, "utf8.csv.gz": 4,
}
seeds("data_reader", {name: bytes([choice]) + (zoo / name).read_bytes() for name, choice in choices.items()})
