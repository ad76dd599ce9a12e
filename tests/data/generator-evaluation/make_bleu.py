"""Reference scores for crates/workshop/src/evaluation/generator/bleu.rs from sacrebleu, on invented and random sentences.

    python3 -m venv venv && venv/bin/pip install sacrebleu && venv/bin/python make_bleu.py > bleu.json

Made with sacrebleu 2.6.0 (13a tokens, exponential smoothing; sentences with effective order).
"""
import json, random
import sacrebleu
from sacrebleu.tokenizers.tokenizer_13a import Tokenizer13a

random.seed(5)
WORDS = "la el un de que vacuna mercado plaza hoy mañana llega abre 3.5 10,2 ¡sí! (no) tren-bus 2021-22 río, fin. ñandú café 👍🏽".split()
sentence = lambda longest: " ".join(random.choice(WORDS) for _ in range(random.randint(1, longest)))
texts = ["Hola, ¿qué tal?", "cuesta 3.5 pesos, 10,000 no.", "fin.Otra vez", "a&amp;b &lt;x&gt; &quot;y&quot;", "dos-\nlíneas\naquí ",
         "2021-22 y tren-bus", "#Sol @ana https://x.co/a?b=c", "«¡Ya!» — dijo… 👍🏽", "", "   "]
corpora = []
for hypotheses, references, longest in [(1, 1, 8), (5, 3, 12), (20, 10, 25), (6, 2, 3), (3, 4, 1)]:
    hypotheses = [sentence(longest) for _ in range(hypotheses)]
    references = [sentence(longest) for _ in range(references)]
    streams = [[reference] * len(hypotheses) for reference in references]
    corpora.append(dict(hypotheses=hypotheses, references=references, score=sacrebleu.corpus_bleu(hypotheses, streams).score))
selves = []
for count, longest in [(2, 8), (12, 15), (30, 4), (5, 1)]:
    own = [sentence(longest) for _ in range(count)]
    own[-1] = own[0]
    scores = [sacrebleu.sentence_bleu(text, own[:i] + own[i + 1 :]).score for i, text in enumerate(own)]
    selves.append(dict(texts=own, score=sum(scores) / len(scores)))
tokenizer = Tokenizer13a()
print(json.dumps(dict(tokens=[[t, tokenizer(t.rstrip())] for t in texts], corpora=corpora, self_bleu=selves),
      ensure_ascii=False, indent=1))
