"""Reference values for GPT-2 from transformers and PyTorch, on weights that both sides compute from a formula.

    python3 -m venv venv && venv/bin/pip install torch transformers && venv/bin/python make.py > reference.json

Made with transformers 5.23.0. The formula is in formula.py.
"""
import json, numpy as np, torch
from transformers import GPT2Config, GPT2LMHeadModel
from transformers.generation.logits_process import (LogitsProcessorList, MinPLogitsWarper, NoRepeatNGramLogitsProcessor,
    RepetitionPenaltyLogitsProcessor, TemperatureLogitsWarper, TopKLogitsWarper, TopPLogitsWarper, TypicalLogitsWarper)
from formula import weight

def strided(model, stream, max_length, stride):
    """Nats and tokens by the recipe of transformers' page on perplexity of fixed-length models; tokens are counted as
    they are predicted (the page takes one off every window, where only the first has a token without a context)."""
    nats, tokens, previous_end = 0.0, 0, 0
    for begin in range(0, len(stream), stride):
        end = min(begin + max_length, len(stream))
        ids = torch.tensor([stream[begin:end]])
        labels = ids.clone()
        labels[:, : -(end - previous_end)] = -100
        predicted = int((labels[:, 1:] != -100).sum())
        nats += float(model(ids, labels=labels).loss) * predicted
        tokens += predicted
        previous_end = end
        if end == len(stream):
            break
    return nats, tokens

CASES = [  # name, vocabulary, width, layers, heads, positions, inner, tied, dtype
    ("tied", 101, 32, 2, 4, 48, None, True, torch.float32),
    ("stored_head", 67, 24, 3, 3, 40, 50, False, torch.float32),
    ("f16", 90, 48, 1, 6, 33, None, True, torch.float16),
    ("bf16", 90, 16, 2, 2, 64, None, True, torch.bfloat16),
]
out = []
for name, vocab, width, layers, heads, positions, inner, tied, dtype in CASES:
    config = GPT2Config(vocab_size=vocab, n_embd=width, n_layer=layers, n_head=heads, n_positions=positions,
        n_inner=inner, tie_word_embeddings=tied, bos_token_id=0, eos_token_id=0, resid_pdrop=0, embd_pdrop=0, attn_pdrop=0)
    model = GPT2LMHeadModel(config).eval()
    state = {}
    for key, tensor in model.state_dict().items():
        short = key.removeprefix("transformer.")
        if tied and short == "lm_head.weight":
            short = "wte.weight"
        state[key] = torch.from_numpy(weight(short, tuple(tensor.shape))).to(dtype).float()
    model.load_state_dict(state)
    rng = np.random.default_rng(7)
    prompt = [int(x) for x in rng.integers(1, vocab, size=9)]
    ids = torch.tensor([prompt])
    with torch.no_grad():
        logits = model(ids).logits[0]
        loss = model(ids, labels=ids).loss
        common = dict(max_new_tokens=20, pad_token_id=0, do_sample=False)
        greedy = model.generate(ids, **common)[0, 9:].tolist()
        penalised = model.generate(ids, repetition_penalty=1.3, no_repeat_ngram_size=2, **common)[0, 9:].tolist()
        beams = model.generate(ids, num_beams=4, num_return_sequences=4, return_dict_in_generate=True,
            output_scores=True, **common)
        beams_penalised = model.generate(ids, num_beams=3, num_return_sequences=3, repetition_penalty=1.2,
            no_repeat_ngram_size=3, **common)
    processors = LogitsProcessorList([RepetitionPenaltyLogitsProcessor(1.1), NoRepeatNGramLogitsProcessor(3),
        TemperatureLogitsWarper(0.9), TopKLogitsWarper(20), TopPLogitsWarper(0.9)])
    stream = [int(x) for x in rng.integers(1, vocab, size=143)]
    windows = [dict(max_length=length, stride=stride) for length, stride in [(33, 32), (33, 10), (17, 1), (13, 5)]]
    with torch.no_grad():
        for window in windows:
            window["nats"], window["tokens"] = strided(model, stream, **window)
    history = torch.tensor([prompt + prompt[:4]])
    processed = processors(history, model(history).logits[:, -1, :].detach())[0]
    logits_there = model(history).logits[:, -1, :].detach()
    typical = [dict(mass=mass, left={str(i): float(x) for i, x in enumerate(TypicalLogitsWarper(mass)(history,
        logits_there.clone())[0]) if torch.isfinite(x)}) for mass in [0.1, 0.4, 0.9, 0.999]]
    min_p = [dict(mass=share, left={str(i): float(x) for i, x in enumerate(MinPLogitsWarper(share)(history,
        logits_there.clone())[0]) if torch.isfinite(x)}) for share in [0.01, 0.05, 0.3, 1.0]]
    out.append(dict(name=name, prompt=prompt, loss=float(loss), last_logits=[round(float(x), 7) for x in logits[-1]],
        third_logits=[round(float(x), 7) for x in logits[2]], greedy=greedy, penalised=penalised,
        beams=[b[9:].tolist() for b in beams.sequences], beam_scores=[float(s) for s in beams.sequences_scores],
        stream=stream, windows=windows, typical=typical, min_p=min_p,
        beams_penalised=[b[9:].tolist() for b in beams_penalised], history=history[0].tolist(),
        processed={str(i): float(x) for i, x in enumerate(processed) if torch.isfinite(x)}))
print(json.dumps(out, separators=(",", ":")))
