"""50 steps of fine-tuning by PyTorch and transformers, on weights and batches that both sides compute from a formula.

    python3 -m venv venv && venv/bin/pip install torch transformers && venv/bin/python make.py > reference.json

Made with transformers 5.23.0. GPT2LMHeadModel with dropout 0, torch's AdamW with transformers' decay groups (all but biases and
layer norms), get_linear_schedule_with_warmup and clip_grad_norm_, as transformers' Trainer puts them together. The formula of
the weights is in ../gpt2/formula.py; every batch has some targets that do not count.
"""
import json, pathlib, sys, torch
from transformers import GPT2Config, GPT2LMHeadModel, get_linear_schedule_with_warmup

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "gpt2"))
from formula import weight

VOCABULARY, WIDTH, LAYERS, HEADS, POSITIONS, ROWS, LENGTH, STEPS, WARMUP = 40, 8, 2, 2, 12, 4, 10, 50, 10

def token(step, row, place):
    return ((step * 31 + row * 17 + place * place * 7 + place * 3) * 2654435761 % 2**32 >> 16) % (VOCABULARY // 2)

config = GPT2Config(vocab_size=VOCABULARY, n_embd=WIDTH, n_layer=LAYERS, n_head=HEADS, n_positions=POSITIONS, bos_token_id=0,
    eos_token_id=0, resid_pdrop=0, embd_pdrop=0, attn_pdrop=0)
model = GPT2LMHeadModel(config).train()
names = [name for name, _ in model.transformer.named_parameters()]
with torch.no_grad():
    for name, parameter in model.transformer.named_parameters():
        parameter.copy_(torch.from_numpy(weight(name, parameter.shape)))
decays = lambda name: not name.endswith("bias") and "ln_" not in name
optimizer = torch.optim.AdamW([
    {"params": [p for n, p in model.named_parameters() if decays(n)], "weight_decay": 0.1},
    {"params": [p for n, p in model.named_parameters() if not decays(n)], "weight_decay": 0.0}], lr=5e-3, betas=(0.9, 0.999), eps=1e-8)
schedule = get_linear_schedule_with_warmup(optimizer, WARMUP, STEPS)
losses, norms, rates = [], [], []
for step in range(STEPS):
    ids = torch.tensor([[token(step, row, place) for place in range(LENGTH + 1)] for row in range(ROWS)])
    labels = ids[:, 1:].clone()
    labels[0, :3] = -100
    logits = model(input_ids=ids[:, :-1]).logits
    loss = torch.nn.functional.cross_entropy(logits.reshape(-1, VOCABULARY), labels.reshape(-1), ignore_index=-100)
    loss.backward()
    norms.append(float(torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)))
    rates.append(schedule.get_last_lr()[0])
    optimizer.step(); schedule.step(); optimizer.zero_grad()
    losses.append(float(loss))
weights = {name: [round(float(x), 7) for x in parameter.detach().flatten()] for name, parameter in model.transformer.named_parameters()}
json.dump({"losses": losses, "norms": norms, "rates": rates, "weights": weights}, sys.stdout)
