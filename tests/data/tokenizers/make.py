"""Token ids by transformers.AutoTokenizer for tokenizers of every age, each from a folder of files.

    python3 -m venv venv && venv/bin/pip install torch transformers && venv/bin/python make.py > reference.json

Made with transformers 5.24.0 and tokenizers 0.23.3. The texts are invented. reference.json holds one small vocabulary
with its merges, and for each case the files that stand next to it (null takes one of the two away).
"""
import json, pathlib, tempfile
from tokenizers import ByteLevelBPETokenizer, Tokenizer, pre_tokenizers, processors
from transformers import AutoTokenizer

TEXTS = [f"Mañana vacunan en la plaza número {i}, ¡qué bien! El puesto de salud abre a las {i} y cierra tarde." for i in range(40)]
TEXTS += ["La niña pequeña corrió al río con su abuela. ¿Qué más da? 🎉🎉", "España y México votan hoy; el año que viene, también."] * 20
PROBES = [
    "Mañana vacunan en la plaza.", "¿Qué más da? ¡Qué bien!", "El año que viene", " el año que viene", "", " ", "   ",
    "dos  espacios   y más ", "línea\notra\r\nlínea\n\n", "\ttabulador", "🎉 fiesta 👩‍👩‍👧 1️⃣ 🇨🇴", "ma\u0303n\u0303ana nin\u0303a",
    "naïve 日本 Ñandú", "100.000 vacunas; 3,5 %", "l'eau don't I'll", "<|endoftext|>", "hola<|endoftext|>hola", "[TWEET] hola [TWEET]hola",
    "el vacunódromo abre", "elvacunódromo", "vacunódromo vacunódromos", "dos palabras juntas", "hola <mask> hola", "<s>hola</s>",
    "\u200bhola\ufeff", "a\u00a0b",
]

trained = ByteLevelBPETokenizer()
trained.train_from_iterator(TEXTS, vocab_size=420, min_frequency=2, show_progress=False)
with tempfile.TemporaryDirectory() as folder:
    trained.save_model(folder)
    vocabulary = json.loads((pathlib.Path(folder) / "vocab.json").read_text())
    merges = (pathlib.Path(folder) / "merges.txt").read_text()
END = "<|endoftext|>"
vocabulary[END] = N = len(vocabulary)  # the last, as in OpenAI's own
vocabulary_text = json.dumps(vocabulary, ensure_ascii=False)
js = lambda value: json.dumps(value, ensure_ascii=False)
token = lambda content, special, **flags: dict(dict(content=content, lstrip=False, normalized=not special, rstrip=False,
    single_word=False, special=special), **flags)
ends = dict(bos_token=END, eos_token=END, unk_token=END)

def whole(add_prefix_space, post_processor):
    built = Tokenizer.from_str(trained._tokenizer.to_str())
    built.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=add_prefix_space)
    built.post_processor = post_processor
    content = json.loads(built.to_str())
    content["model"]["vocab"] = vocabulary
    content["added_tokens"] = [dict(id=N, **token(END, True)), dict(id=N + 1, **token("[TWEET]", True)),
        dict(id=N + 2, **token("vacunódromo", False))]
    return js(content)

CASES = {
    "of_2019": {},
    "with_line_ends_of_windows": {"merges.txt": merges.replace("\n", "\r\n")},
    "of_2020": {
        "added_tokens.json": js({"[TWEET]": N + 1, "vacunódromo": N + 2, "dos palabras": N + 3}),
        "special_tokens_map.json": js(ends | dict(pad_token=END, additional_special_tokens=["[TWEET]"])),
        "tokenizer_config.json": js(dict(model_max_length=512, special_tokens_map_file=None, full_tokenizer_file=None)),
    },
    "of_2021_with_flags": {
        "added_tokens.json": js({"<mask>": N + 1, "[PAD]": N + 2}),
        "special_tokens_map.json": js(ends | dict(pad_token="[PAD]", mask_token=dict(content="<mask>", single_word=False,
            lstrip=True, rstrip=False, normalized=True))),
        "tokenizer_config.json": js(ends | dict(add_prefix_space=False, errors="replace", tokenizer_class="GPT2Tokenizer")),
    },
    "with_a_space_before": {"tokenizer_config.json": js(ends | dict(add_prefix_space=True, tokenizer_class="GPT2Tokenizer"))},
    "with_a_start_token": {
        "added_tokens.json": js({"<s>": N + 1, "</s>": N + 2}),
        "special_tokens_map.json": js(dict(bos_token="<s>", eos_token="</s>", unk_token=END)),
        "tokenizer_config.json": js(dict(add_bos_token=True, tokenizer_class="GPT2Tokenizer")),
    },
    "with_the_end_as_start_token": {"tokenizer_config.json": js(dict(add_bos_token=True))},
    "of_2023": {
        "tokenizer_config.json": js(ends | dict(add_bos_token=False, add_prefix_space=False, tokenizer_class="GPT2Tokenizer",
            additional_special_tokens=["[TWEET]"], added_tokens_decoder={str(N): token(END, True, normalized=True),
            str(N + 1): token("[TWEET]", True), str(N + 2): token("vacunódromo", False),
            str(N + 3): token("<mask>", True, lstrip=True, rstrip=True)})),
        "special_tokens_map.json": js(dict(additional_special_tokens=["[OTHER]"])),
    },
    "with_single_words": {
        "tokenizer_config.json": js(ends | dict(added_tokens_decoder={str(N): token(END, True),
            str(N + 1): token("vacunódromo", False, single_word=True)})),
    },
    "with_special_tokens_in_the_vocabulary": {
        "vocab.json": js({word: id for id, word in enumerate(["<s>", "<pad>", "</s>", "<unk>", "<mask>", *list(vocabulary)[:-1]])}),
        "special_tokens_map.json": js(dict(bos_token="<s>", eos_token="</s>", unk_token="<unk>", pad_token="<pad>",
            mask_token="<mask>")),
        "tokenizer_config.json": js(dict(max_len=512)),
    },
    "with_padding_that_has_no_row": {"special_tokens_map.json": js(ends | dict(pad_token="[PAD]"))},
    "whole": {
        "tokenizer.json": whole(False, processors.ByteLevel(trim_offsets=False)),
        "tokenizer_config.json": js(ends | dict(add_prefix_space=False, tokenizer_class="GPT2Tokenizer")),
    },
    "whole_with_a_space_that_the_other_file_takes_back": {
        "tokenizer.json": whole(True, processors.ByteLevel(trim_offsets=False)),
        "tokenizer_config.json": js(ends | dict(tokenizer_class="GPT2TokenizerFast")),
    },
    "whole_of_another_class_with_a_start_token": {
        "tokenizer.json": whole(True, processors.TemplateProcessing(single=f"{END} $A", special_tokens=[(END, N)])),
        "tokenizer_config.json": js(ends | dict(tokenizer_class="PreTrainedTokenizerFast")),
        "vocab.json": None, "merges.txt": None,
    },
}
out = []
for name, files in CASES.items():
    with tempfile.TemporaryDirectory() as folder:
        rows = N + 1 + (0 if "no_row" in name else 4)
        files = {"vocab.json": vocabulary_text, "merges.txt": merges} | files
        for file, content in (files | {"config.json": js(dict(model_type="gpt2", vocab_size=rows))}).items():
            if content is not None:
                (pathlib.Path(folder) / file).write_bytes(content.encode())
        tokenizer = AutoTokenizer.from_pretrained(folder)
        probes = [dict(text=text, ids=tokenizer(text)["input_ids"]) for text in PROBES]
        kept = {file: content for file, content in files.items()
                if content not in (vocabulary_text, merges)}
        out.append(dict(name=name, rows=rows, files=kept, start=tokenizer.bos_token_id, end=tokenizer.eos_token_id, probes=probes,
            special=sorted({id for id, token in tokenizer.added_tokens_decoder.items() if token.special} |
                set(tokenizer.all_special_ids))))  # 5.24 forgets the flag of those that special_tokens_map.json names
print(json.dumps(dict(vocabulary=vocabulary_text, merges=merges, cases=out), ensure_ascii=False, separators=(",", ":")))
