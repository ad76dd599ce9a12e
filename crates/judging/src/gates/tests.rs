//! What holds for all gates together, and helpers for the tests of each gate.

use pregonero_models::verbatim::DEFAULT_WINDOW;
use std::sync::LazyLock;

use proptest::prelude::*;

use super::*;
use crate::gates::{EntityPolicy, ReviewPolicy};
use pregonero_tweet::Finish;

/// Returns a candidate with this text.
pub(super) fn candidate(text: &str, finish: Finish) -> Candidate {
    Candidate {
        text: text.to_owned(),
        continuation: text.to_owned(),
        token_ids: vec![1],
        prompt_tokens: 0,
        rng_seed: 7,
        finish,
        likelihood: None,
    }
}

/// Returns one gate's verdict on a text as a person would give it to `inspect`.
pub(super) fn verdict_of(gate: &dyn Gate, text: &str) -> GateVerdict {
    verdict_on(gate, Subject { text, body: text, candidate: None, prompt: "", own_text: None }, &Recent::default())
}

pub(super) fn verdict_on(gate: &dyn Gate, subject: Subject<'_>, recent: &Recent) -> GateVerdict {
    gate.verdict(&Reading::of(subject, recent))
}

fn settings() -> GateSettings {
    GateSettings {
        mentions: EntityPolicy::Reject,
        urls: EntityPolicy::Reject,
        max_hashtags: 3,
        allowed_hashtags: Vec::new(),
        forbidden_hashtags: Vec::new(),
        banned_words_file: None,
        near_duplicate: 0.8,
        near_duplicate_days: 90,
        verbatim_tokens: 12,
        own_texts: 0.8,
        claims: ReviewPolicy::Review,
        experience: ReviewPolicy::Review,
        off: Vec::new(),
    }
}

/// All gates, switched on; built once, because compiling the word lists and patterns takes a while.
static ALL: LazyLock<Gates> = LazyLock::new(|| {
    let training = ["La vacuna llegó por fin a nuestro pueblo y todos estamos muy contentos con la noticia de hoy"];
    let verbatim = vec![VerbatimIndex::build(training, DEFAULT_WINDOW)];
    Gates::new(&settings(), Resources { verbatim, ..Resources::default() }).unwrap()
});

fn verdicts(gates: &Gates, text: &str) -> Vec<GateVerdict> {
    gates.verdicts(&Subject { text, body: text, candidate: None, prompt: "", own_text: None }, &Recent::default())
}

fn gate_names(verdicts: &[GateVerdict]) -> Vec<&str> {
    verdicts.iter().map(|verdict| verdict.gate.as_str()).collect()
}

#[test]
fn every_gate_answers_in_the_order_of_the_names() {
    let verdicts = verdicts(&ALL, "Hoy es un buen día para salir a caminar.");
    assert_eq!(gate_names(&verdicts), Gates::names());
    assert_eq!(verdicts.iter().filter(|verdict| verdict.verdict != Verdict::Pass).count(), 0, "{verdicts:?}");
}

#[test]
fn a_gate_that_the_settings_switch_off_does_not_answer() {
    let settings = GateSettings {
        mentions: EntityPolicy::Allow,
        urls: EntityPolicy::Allow,
        near_duplicate: 0.0,
        verbatim_tokens: 0,
        own_texts: 0.0,
        claims: ReviewPolicy::Allow,
        experience: ReviewPolicy::Allow,
        ..settings()
    };
    let gates = Gates::new(&settings, Resources::default()).unwrap();
    let expected =
        "length broken_text language cashtags hashtags message contrary banned_words repetition cut_sentence";
    assert_eq!(gate_names(&verdicts(&gates, "Hola.")).join(" "), expected);
}

#[test]
fn any_gate_can_be_switched_off_by_name() {
    for off in Gates::names() {
        let resources = Resources { switched_off: vec![(*off).to_owned()], ..Resources::default() };
        let verdicts = verdicts(&Gates::new(&settings(), resources).unwrap(), "Hola.");
        let expected: Vec<&str> = Gates::names().iter().copied().filter(|name| name != off).collect();
        assert_eq!(gate_names(&verdicts), expected);
    }
    let resources = Resources { switched_off: vec!["lenght".to_owned()], ..Resources::default() };
    let message = Gates::new(&settings(), resources).unwrap_err().to_string();
    assert!(message.starts_with("gates: there is no gate named \"lenght\"; the gates are length, "), "{message}");
}

#[test]
fn a_rejected_text_is_still_judged_by_every_gate() {
    let verdicts = verdicts(&ALL, "@ana mira ejemplo.co que el");
    let rejecting: Vec<&str> = verdicts
        .iter()
        .filter(|verdict| verdict.verdict == Verdict::Reject)
        .map(|verdict| verdict.gate.as_str())
        .collect();
    assert_eq!(rejecting, ["mentions", "urls", "cut_sentence"]);
    assert_eq!(verdicts.len(), Gates::names().len());
}

#[test]
fn every_verdict_but_a_plain_pass_gives_a_reason() {
    let gates = &*ALL;
    for text in ["", "@ana", "ejemplo.co $ABC $XYZ", "hola hola hola", "Murieron 500 personas según la OMS"] {
        for verdict in verdicts(gates, text) {
            assert!(verdict.verdict == Verdict::Pass || !verdict.reason.is_empty(), "{text}: {verdict:?}");
        }
    }
}

#[test]
fn a_long_quotation_is_cut_at_a_character() {
    assert_eq!(quote(&"ñ".repeat(61)), format!("“{}…”", "ñ".repeat(60)));
    assert_eq!(quote(&"ñ".repeat(60)), format!("“{}”", "ñ".repeat(60)));
}

proptest! {
    #[test]
    fn any_text_can_be_judged(text in any::<String>(), posted in any::<String>(), prompt in any::<String>()) {
        let recent = Recent::new([posted.as_str(), text.as_str()]);
        let candidate = candidate(&text, Finish::Length);
        let subject = Subject { text: &text, body: &text, candidate: Some(&candidate), prompt: &prompt, own_text: None };
        let verdicts = ALL.verdicts(&subject, &recent);
        prop_assert_eq!(verdicts.len(), Gates::names().len());
    }

    #[test]
    fn any_text_of_awkward_pieces_can_be_judged(
        text in "([a-zñáéí]{1,6} ?|[0-9]{1,3}|[@#$%.,:;!?¿¡()\"'«»“”…\\-]|\u{301}|\u{200d}|\u{fe0f}|👨|🇨|\n|https://|а|ｈ){0,40}"
    ) {
        prop_assert_eq!(verdicts(&ALL, &text).len(), Gates::names().len());
    }
}

#[test]
fn a_beginning_is_objected_to_only_where_no_end_could_save_it() {
    let forbidden = vec!["NoALaVacuna".to_owned()];
    let strict = GateSettings { max_hashtags: 1, forbidden_hashtags: forbidden, ..settings() };
    let gates = Gates::new(&strict, Resources::default()).unwrap();
    let objection = |text: &str| gates.objection_to_beginning(text).unwrap_or_default();
    for (prompt, gate) in [
        ("Hola @ana, ", "mentions"),
        ("Mira https://example.com ", "urls"),
        ("Suben $ACME y $OTRA ", "cashtags"),
        ("#Uno #Dos ", "hashtags"),
        ("#NoALaVacuna, ", "message"),
        ("Hoy\u{200b} llueve", "broken_text"),
        ("<|endoftext|>Hoy", "broken_text"),
        ("[TWEET] Hoy", "broken_text"),
    ] {
        assert!(objection(prompt).starts_with(&format!("gate {gate}: ")), "{prompt:?}: {}", objection(prompt));
    }
    for prompt in ["", "Me parece", "En el día de hoy, ", "El covid", "#Uno ", "#NoALaVacun", "¿", "Hoy a las 7"] {
        assert_eq!(objection(prompt), "", "{prompt:?}");
    }
    let open = GateSettings { mentions: EntityPolicy::Allow, ..settings() };
    let gates = Gates::new(&open, Resources { switched_off: vec!["urls".to_owned()], ..Resources::default() }).unwrap();
    assert_eq!(gates.objection_to_beginning("Hola @ana, mira https://example.com "), None);
}

#[test]
fn candidates_are_compared_with_the_own_texts_at_once_where_the_settings_ask() {
    let text = "En la vereda el puesto de salud es de todos los vecinos.";
    let own_texts = || {
        let lines = OwnTexts::prepare([text, "Un abrazo en la mañana alegra a toda la familia."]).unwrap();
        vec![OwnTexts::in_memory(OwnTexts::encode(&lines).unwrap()).unwrap()]
    };
    let bodies = ["En la vereda el puesto de salud es de todos los abuelos.", "En la vereda hay mercado los domingos."];
    let gates = |settings: &GateSettings, off: &[&str]| {
        let switched_off = off.iter().map(|name| (*name).to_owned()).collect();
        Gates::new(settings, Resources { own_texts: own_texts(), switched_off, ..Resources::default() }).unwrap()
    };
    let all = gates(&GateSettings { verbatim_tokens: 0, ..settings() }, &[]);
    let found = all.near_own_texts(&bodies).unwrap();
    assert_eq!(found.iter().map(Option::is_some).collect::<Vec<_>>(), [true, false]);
    let subject =
        Subject { text: bodies[0], body: bodies[0], candidate: None, prompt: "", own_text: found[0].as_ref() };
    let verdicts = all.verdicts(&subject, &Recent::default());
    let rejected: Vec<&GateVerdict> = verdicts.iter().filter(|verdict| verdict.verdict == Verdict::Reject).collect();
    assert_eq!(rejected.len(), 1, "{verdicts:?}");
    assert_eq!(rejected[0].gate, "verbatim");
    let expected = "% like a whole text that the model was trained on: “en la vereda el puesto ";
    assert!(rejected[0].reason.contains(expected), "{}", rejected[0].reason);
    for silent in [
        gates(&GateSettings { own_texts: 0.0, ..settings() }, &[]),
        gates(&settings(), &["verbatim"]),
        Gates::new(&settings(), Resources::default()).unwrap(),
    ] {
        assert_eq!(silent.near_own_texts(&bodies).unwrap(), [None, None]);
    }
}
