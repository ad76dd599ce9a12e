"""Three steps of Muon on random matrices, by PyTorch's optimiser and by the reference with products in f32.

    python3 -m venv venv && venv/bin/pip install torch numpy && venv/bin/python make_muon.py > muon.json

Made with torch 2.9 or later. `exact` follows https://github.com/KellerJordan/Muon (muon.py), without its rounding to
bf16. Both hold a weight as [outputs, inputs]; the file has [inputs, outputs], as GPT-2 stores it.
"""
import json, torch

def newton_schulz(x):
    a, b, c = 3.4445, -4.7750, 2.0315
    tall = x.size(0) > x.size(1)
    x = x.T if tall else x
    x = x / (x.norm() + 1e-7)
    for _ in range(5):
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x.T if tall else x

cases = []
for seed, (outputs, inputs) in enumerate([(12, 8), (6, 10), (7, 7)]):
    g = torch.Generator().manual_seed(seed)
    start = torch.randn(outputs, inputs, generator=g)
    gradients = [torch.randn(outputs, inputs, generator=g) for _ in range(3)]
    exact, momentum = start.double(), torch.zeros(outputs, inputs, dtype=torch.double)
    theirs = torch.nn.Parameter(start.clone())
    optimizer = torch.optim.Muon([theirs], lr=0.02, weight_decay=0.1, momentum=0.95, nesterov=True)
    for gradient in gradients:
        theirs.grad = gradient.clone(); optimizer.step()
        momentum.lerp_(gradient.double(), 0.05)
        update = newton_schulz(gradient.double().lerp(momentum, 0.95)) * max(1, outputs / inputs) ** 0.5
        exact = exact * (1 - 0.02 * 0.1) - 0.02 * update
    flat = lambda x: [round(v, 7) for v in x.detach().T.flatten().tolist()]
    cases.append({"inputs": inputs, "outputs": outputs, "weight": flat(start), "gradients": [flat(x) for x in gradients],
                  "exact": flat(exact), "torch": flat(theirs)})
print(json.dumps(cases))
