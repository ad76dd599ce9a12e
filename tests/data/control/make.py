"""What transformers makes of a model that `train generator --control` wrote: token ids, logits, greedy texts.

`model/` was written by these commands, on 480 invented sentences (a feeling, a thing, a place and a hashtag each):

    pregonero train tokenizer --data texts.txt --clean none --vocab-size 330 --output tok
    pregonero train generator --data texts.txt --clean none --tokenizer tok --layers 2 --width 16 --heads 2 --positions 48 \
        --block 32 --steps 5 --warmup-steps 1 --learning-rate 3e-3 --output base --dropout 0 --duplicates exact
    pregonero train generator --data tweets.csv:texto --base base --control SENTIMIENTO=sentimiento,HASHTAGS --block 40 \
        --steps 300 --batch 8 --learning-rate 1e-2 --warmup-steps 10 --dropout 0 --duplicates exact --output model

Run beside it: python3 make.py (transformers 5.23, torch 2).
"""
import json, pathlib, shutil, tempfile
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

folder = pathlib.Path(__file__).parent / "model"
older = pathlib.Path(tempfile.mkdtemp())
for name in ["config.json", "vocab.json", "merges.txt", "added_tokens.json", "tokenizer_config.json"]:
    shutil.copy(folder / name, older)
tokenizer, pair = AutoTokenizer.from_pretrained(folder), AutoTokenizer.from_pretrained(older)
model = AutoModelForCausalLM.from_pretrained(folder).eval()
cases = [("POSITIVE", "Feria", ""), ("NEGATIVE", "Rio", "basta ya de"), ("", "", "celebramos"), ("POSITIVE", "", "")]
reference = []
for sentiment, hashtags, prompt in cases:
    text = f"[SENTIMIENTO]{sentiment}[HASHTAGS]{hashtags}[TWEET]{prompt}"
    ids = tokenizer(text).input_ids
    assert ids == pair(text).input_ids, text
    with torch.no_grad():
        logits = model(torch.tensor([ids])).logits[0, -1]
        written = model.generate(torch.tensor([ids]), max_new_tokens=12, do_sample=False)[0, len(ids):].tolist()
    end = model.generation_config.eos_token_id
    written = written[: written.index(end)] if end in written else written
    reference.append({"sentiment": sentiment, "hashtags": hashtags, "prompt": prompt, "text": text, "ids": ids,
                      "logits": logits.tolist(), "greedy": written})
(pathlib.Path(__file__).parent / "reference.json").write_text(json.dumps(reference) + "\n")
