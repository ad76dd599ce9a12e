//! Gate `contrary`: a sentence that speaks against vaccination or other protection, from a bot that should speak for it.
//!
//! A classifier weighs words, and "las vacunas no sirven" has nearly the same words as "las vacunas sirven". So these rules read
//! plain statements: a denied benefit, a claimed harm, advice not to be vaccinated. They are on only if `sentiment.target` is a
//! label whose hashtag is for vaccination and another label's is the same with a `no` in it. Questions, and sentences that
//! report what others say ("es falso que …"), pass. Irony, stories and everything longer are left to the classifier.

use std::sync::LazyLock;

use regex::Regex;

use super::message::{LabelHashtags, is_for};
use super::{Gate, Reading, quote, reject};
use pregonero_text::normal::fold;
use pregonero_tweet::GateVerdict;

pub(super) const NAME: &str = "contrary";

/// The word that the wanted hashtag has.
const SUBJECT: &str = "vacun";

#[derive(Debug)]
pub(super) struct Contrary {
    on: bool,
}

impl Contrary {
    pub(super) fn new(labels: &LabelHashtags) -> Self {
        Self { on: is_for(SUBJECT, labels) }
    }
}

impl Gate for Contrary {
    fn name(&self) -> &'static str {
        NAME
    }

    fn verdict(&self, reading: &Reading<'_>) -> GateVerdict {
        let found = self.on.then(|| sentences(&reading.body.text).find(|sentence| speaks_against(sentence))).flatten();
        found.map_or_else(
            || GateVerdict::pass(NAME),
            |sentence| reject(NAME, format!("it speaks against vaccination or protection: {}", quote(sentence))),
        )
    }
}

/// Returns the sentences of a text, each with the marks that end it.
fn sentences(text: &str) -> impl Iterator<Item = &str> {
    static SENTENCE: LazyLock<Regex> = LazyLock::new(|| compile(r"[^.!?…\n]+[.!?…]*"));
    SENTENCE.find_iter(text).map(|found| found.as_str())
}

fn speaks_against(sentence: &str) -> bool {
    let sentence = fold(sentence);
    let asks = sentence.trim_end().ends_with('?') && !sentence.trim_start_matches([' ', '¿']).starts_with("para que");
    if asks || REPORTED.is_match(&sentence) {
        return false;
    }
    RULES.iter().any(|rule| rule.pattern.find_iter(&sentence).any(|found| rule.holds(&sentence, found.range())))
}

/// A pattern of a folded sentence, and what takes its meaning away.
struct Rule {
    pattern: Regex,
    unless: Unless,
}

/// Which words around a pattern take its meaning away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unless {
    /// None.
    Never,
    /// Another thing is the subject ("el carné de vacunas no sirve"), or only a part is denied ("no protege del todo").
    OtherSubjectOrPart,
    /// Another thing is the subject, or it is negated ("ninguna vacuna es mala").
    OtherSubjectOrNegated,
    /// It is negated ("no vacunarse pone en riesgo").
    Negated,
    /// Only a part is denied ("no hay que vacunarse en ayunas").
    Part,
}

impl Rule {
    fn holds(&self, sentence: &str, found: std::ops::Range<usize>) -> bool {
        let (before, after) = (&sentence[..found.start], &sentence[found.end..]);
        match self.unless {
            Unless::Never => true,
            Unless::OtherSubjectOrPart => !OTHER_SUBJECT.is_match(before) && !PART.is_match(after),
            Unless::OtherSubjectOrNegated => !OTHER_SUBJECT.is_match(before) && !NEGATION.is_match(before),
            Unless::Negated => !NEGATION.is_match(before),
            Unless::Part => !PART.is_match(after),
        }
    }
}

/// What is said to be reported or denied, or is taken back in the same sentence.
static REPORTED: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"\b(?:fals[oa]s?|mitos?|rumor(?:es)?|bulos?|no es (?:cierto|verdad)|dic(?:e|en|es)|dijo|dijeron|creen?|piens(?:an?|es)|le(?:yo|iste)|oyo|oiste|escuch(?:o|aste)|miedo|temor|temen?|preocup\w*|desmient\w*|mentiras? que)\b|\bpero (?:si|ayuda|reduce|evita|protege|baja)",
    )
});

static OTHER_SUBJECT: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"\b(?:carnes?|registro|certificado|calendario|puestos?|jornadas?|lista|fila|dias?|citas?|esquema|falta|mayoria|ponerte|ponerse|para|antes|despues|edad|hora|recuerdo|tema)\s+(?:(?:de|a|para)\s+)?(?:(?:la|las|el|los|tu|tus|cada|una)\s+)?$",
    )
});

static NEGATION: LazyLock<Regex> =
    LazyLock::new(|| compile(r"\b(?:no|ni|sin|ningun|ninguna|nadie|nunca)\s+(?:(?:la|las|el|los|es|que)\s+)?$"));

static PART: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"^\W*(?:sol[oa]s?|del todo|por completo|de inmediato|al instante|enseguida|completamente|tod[oa]s?|igual|hasta|a tiempo|antes|unicamente|solamente|el mismo dia|desde|para (?:tratar|curar|tod[oa])|guardad\w*|si|cuando|de un dia|contra (?:el resfriado|otr\w*|tod\w*)|en ayunas|de nuevo|otra vez|dos veces|hoy|sin|\w+[aei]r(?:l[aeo]s?)?)\b",
    )
});

static RULES: LazyLock<Vec<Rule>> = LazyLock::new(|| {
    use Unless::{Negated, Never, OtherSubjectOrNegated, OtherSubjectOrPart, Part};

    let thing = r"(?:vacunas?|vacunacion|refuerzos?|dosis|inyeccion(?:es)?)";
    let against_what = r"(?:\s+(?:contra|de|del|para|en)\s+(?:(?:el|la|los|las|tu|su)\s+)?\w+)?";
    let adverbs =
        r"(?:\s+(?:ya|solo|siempre|tambien|si|te|nos|les|le|se|lo|los|las|la|realmente|de verdad|en realidad|casi))*";
    let not = r"(?:no|nunca|jamas|tampoco)";
    let clitics = r"(?:(?:me|te|se|nos|les|le|lo|la|los|las)\s+)*";
    let article = r"(?:la|las|el|los|una|otra|tu|su|esta|esa|mas|ningun|ninguna|cualquier)";
    let benefit = r"(?:sirven?|sirvio|funcionan?|protegen?|ayudan?|cuidan?|salvan?|previenen?|valen? la pena|hacen? falta|llegan?|llegara|llegaran|(?:es|son|fue|fueron) (?:necesari|segur|efica|util|confiable|importante|recomendable|buen|efectiv|para ti|para todos)\w*|tienen? (?:sentido|beneficios?|utilidad|ningun|efecto))";
    let bad = r"(?:muy |mas |tan )?(?:peligros\w+|venenos?|toxic\w+|danin\w+|mala|malas|malo|inutil\w*|innecesari\w+|inseguras?|absurd\w+|una? (?:engano|fraude|error|negocio|invento|experimento|veneno|peligro|riesgo|robo|locura|estafa|mentira|trampa|farsa|amenaza|perdida))";
    let harm = format!(
        r"(?:enferman?|matan?|mataron|envenenan?|contaminan?|danan?|destruyen?|debilitan?|esterilizan?|(?:hacen?|causan?|producen?|provocan?|traen?|hicieron) (?:\w+ )?(?:danos?|mal|muertes?|autismo|infertilidad|infartos?|coagulos|enfermedades)|ponen? en (?:riesgo|peligro)|bajan? (?:las|tus) defensas|(?:es|son) {bad}|(?:contienen?|llevan?|tienen?) (?:veneno|metales|chips?|microchips?|mercurio|grafeno|toxinas))"
    );
    let get = format!(
        r"(?:vacunar(?:te|se|nos|l[aeo]s?)?|poner(?:te|se|nos|l[aeo]s?)? {article} {thing}|recibir {article} {thing}|ponersela|ponertela|ponerselo|ponertelo)"
    );
    let whom = r"(?:\s+al?(?:\s+(?:un|una|los|las|tu|tus|su|sus|el|la|nuestros|nuestras))?\s+\w+)?";
    let people = r"(?:tus?|sus?|los|las|el|la|un|una|nuestr\w+|hij\w+|nin\w+|famil\w+|abuel\w+|bebes?|mam\w|pap\w|madres?|padres?|vecin\w+|mayores|personas?|gente)";
    let start = r"(?:^\W*|[,;:]\s+|\by\s+)";
    [
        // A benefit denied, a harm claimed.
        (format!(r"\b{thing}{against_what}{adverbs}\s+{not}\s+{clitics}{benefit}\b"), OtherSubjectOrPart),
        (format!(r"\b{thing}{against_what}{adverbs}\s+{harm}\b"), OtherSubjectOrNegated),
        (
            format!(
                r"\b{get}{whom}\s+(?:es {bad}|{clitics}(?:enferma|mata|hace dano|causa dano|pone en (?:riesgo|peligro)|debilita))\b"
            ),
            Negated,
        ),
        (format!(r"\b{get}{whom}\s+{not}\s+{clitics}{benefit}\b"), Part),
        (format!(r"\b(?:es|seria) {bad}\s+{get}"), Negated),
        (
            r"\b(?:quien|quienes|los que|las que|el que|la que) se vacun\w+ (?:se )?(?:enferma|mueren?|dana|arrepient|arriesg|pierden?|ponen? en (?:riesgo|peligro))"
                .to_owned(),
            Never,
        ),
        (
            format!(
                r"\b(?:si|cuando) (?:te|se|nos) (?:vacun\w+|pon\w+ {article} {thing}),? (?:te |se |nos |tus |sus |las )?(?:enferm|muere|defensas (?:bajan|se debilitan)|arriesg|arrepent|arrepient|danas?\b|pon\w+ en (?:riesgo|peligro))"
            ),
            Never,
        ),
        (
            r"\bcon (?:la|cada|esa|una|otra) (?:vacuna|dosis) (?:te|se|nos) (?:pon\w+ en (?:riesgo|peligro)|enferm|dan[ao])"
                .to_owned(),
            Never,
        ),
        (
            r"\bsin (?:la |las )?vacunas? (?:(?:estamos|vivimos|estas|vives|se vive|esta|es|crecen) )?(?:mucho |mas )*(?:mejor|tranquil|segur|san[oa])"
                .to_owned(),
            Never,
        ),
        (
            r"\b(?:es|son|sea|ser) (?:mas |muy )?(?:seri|grav|peligros|fuerte)\w* (?:en|para) (?:\w+ ){0,4}?(?:(?:que|quien|quienes) (?:ya )?(?:tienen? (?:su|sus|el|la|las) (?:refuerzo|vacunas?|dosis)|se vacunan?|estan? vacunad)|con (?:(?:su|sus|el|la|las) )?(?:refuerzo|vacunas?|dosis)|vacunad)"
                .to_owned(),
            Never,
        ),
        (
            format!(r"\b{thing}{against_what}\s+ayudan? a que (?:\w+ ){{0,5}}(?:sea|sean|este|esten) (?:mas )?(?:fuerte|grave|seri|peligros)"),
            Never,
        ),
        (r"\b(?:por culpa|a causa) de (?:la|las|esa|esta) vacunas?\b".to_owned(), Never),
        // Advice not to be vaccinated.
        (
            format!(
                r"\bno\s+{clitics}(?:vacun(?:es|emos)\b|pong(?:as|an|amos)\s+{article}\s+{thing}|(?:llev|acompan)(?:es|en|emos)\b[^,;]{{0,40}}\b(?:a vacunar|a la vacuna)|acept(?:es|en|emos)\s+{article}\s+{thing})"
            ),
            Never,
        ),
        (format!(r"{start}no (?:se|los|las|lo|la) vacunen?\b"), Never),
        (
            format!(
                r"\b(?:mejor|bien|bueno|buena idea|preferible|conviene|recomendable|sensato|prudente|justo|importante|sano|seguro|natural|hay que|debes?|deben|debemos|deberias?|deberian|deberiamos|puedes) (?:es )?no {get}"
            ),
            Part,
        ),
        (
            r"\bnadie (?:deberia|debe|tiene que|necesita|tendria que) vacunar\w*(?:\W*$|\s+(?:a|en|contra)\b)".to_owned(),
            Never,
        ),
        (
            r"\b(?:gracias|felicit|aplau|bien por|admir|agradec)\w*\b[^,;]{0,30}\b(?:quien|quienes|los que|las que) no se (?:vacuna|vacune)"
                .to_owned(),
            Never,
        ),
        (format!(r"{start}(?:evit|rechaz)(?:a|en|emos)\s+(?:a\s+)?(?:{article}\s+)?{thing}\b"), Never),
        (
            format!(r"\b(?:dile|digan|digamos|di|digale|decirle|decir) no a (?:{article}\s+)?{thing}"),
            Never,
        ),
        (format!(r"{start}no (?:a|mas) (?:las? )?vacunas?\b"), Never),
        (
            format!(
                r"\b(?:no|ni) (?:hay|existe|tengo|veo|encuentro) (?:\w+ )?(?:razon|razones|motivos?|necesidad)\b[^,;]{{0,25}}\b(?:{get}|{thing})"
            ),
            Part,
        ),
        (
            format!(
                r"\bno (?:hacen? falta|es necesari[oa]|es bueno|conviene|vale la pena|sirve de nada|sirve|tiene sentido|es seguro|es importante|es util|hay que|debes|debemos|deberia\w*|necesitas|necesitamos)\s+(?:{get}|{article}\s+(?:vacunas?|refuerzos?)\b)"
            ),
            Part,
        ),
        (
            format!(
                r"\bno (?:se )?(?:recomienda|recomiendan|recomendamos|recomiendo|aconsejan?|aconsejamos) (?:{get}|{article}\s+{thing})"
            ),
            Never,
        ),
        (
            r"\bmejor (?:vacuna|refuerzo|dosis|proteccion|decision)\b[^,;]{0,20}\bes no (?:vacun|pon|recib)".to_owned(),
            Never,
        ),
        (r"\b(?:dej(?:a|en|emos) de|me niego a|nos negamos a|prohibido) vacunar".to_owned(), Negated),
        (format!(r"\b(?:proteg|cuid|defiend|alej|salv)\w*\s+a\s+(?:{people}\s+){{1,3}}de\s+(?:la|las|esas?)\s+vacunas?\b"), Never),
        (r"\baleja(?:te|rse|rte)? de(?:l| la| las) (?:puesto de )?vacuna".to_owned(), Never),
        (format!(r"{start}olvid(?:a|ate de|en|emos) (?:la|las|el) (?:vacunas?|refuerzo)\b"), Never),
        // Distrust, and the disease denied.
        (
            r"\b(?:no|nunca|jamas) (?:confi(?:es|en|emos|o)|cre(?:as|an|amos|o)|les? creas|escuch(?:es|en|emos))\s+(?:en |a )?(?:al |las? |los |el |tu |tus |ningun\w* )*(?:vacunas?|vacunacion|enfermer|medic|vacunador|ciencia|cientific|personal de salud|puesto de salud)"
                .to_owned(),
            Never,
        ),
        (
            r"\b(?:covid|virus|coronavirus|pandemia)(?:\s+(?:ya|realmente))? (?:no existe|(?:es|fue) una? (?:invento|mentira|engano|farsa|cuento)|no (?:es|era) (?:peligros|grave|seri[oa]))"
                .to_owned(),
            Negated,
        ),
        (
            r"\b(?:contagi|transmit|previen)\w* (?:menos|mejor)\b[^.;]{0,60}\bsin (?:ventan|ventil|tapabocas|aire|lavar|vacuna|refuerzo)"
                .to_owned(),
            Never,
        ),
        (
            format!(
                r"\btapabocas (?:no {clitics}(?:sirven?|protegen?|funcionan?|ayudan?|hacen? falta)|enferma|hace dano|es malo)\b"
            ),
            Never,
        ),
    ]
    .into_iter()
    .map(|(pattern, unless)| Rule { pattern: compile(&pattern), unless })
    .collect()
});

/// Compiles a pattern of folded text, whose words have ASCII letters: the classes of Unicode would take megabytes.
fn compile(pattern: &str) -> Regex {
    let ascii = pattern.replace(r"\w", "[a-z0-9_]").replace(r"\W", "[^a-z0-9_]").replace(r"\b", r"(?-u:\b)");
    Regex::new(&ascii).expect("a pattern written here compiles")
}

#[cfg(test)]
mod tests {
    use super::super::tests::verdict_of;
    use super::*;
    use pregonero_tweet::Verdict::{self, Pass, Reject};

    fn labels(target: &str) -> LabelHashtags {
        let of_labels = [("positive", "YoMeVacuno"), ("negative", "YoNoMeVacuno")];
        let of_labels = of_labels.map(|(label, tag)| (label.to_owned(), vec![tag.to_owned()]));
        LabelHashtags { of_labels: of_labels.into(), target: Some(target.to_owned()) }
    }

    fn verdict(text: &str) -> Verdict {
        verdict_of(&Contrary::new(&labels("positive")), text).verdict
    }

    #[test]
    fn statements_against_vaccination_are_rejected() {
        for text in [
            "Las vacunas no sirven para nada.",
            "La vacuna no protege a los niños.",
            "La vacuna no llegará a tu vereda.",
            "La vacuna contra la gripa no ayuda a los mayores.",
            "Me parece que la vacuna enferma a los mayores.",
            "Quien se vacuna pone en riesgo a su familia.",
            "Las vacunas hacen daño.",
            "Las vacunas contienen veneno.",
            "La vacuna es peligrosa para los niños.",
            "La vacuna es un negocio.",
            "Vacunar a un bebé es peligroso.",
            "Vacunarte no te protege.",
            "Es peligroso vacunarse.",
            "Si te vacunas, te enfermas.",
            "Cuando te vacunas, tus defensas bajan.",
            "Quienes se vacunan se enferman más.",
            "Con la vacuna te pones en riesgo.",
            "Sin vacunas vivimos más tranquilos.",
            "El covid puede ser más serio en los abuelos que tienen su refuerzo al día.",
            "La gripa es más fuerte en los niños vacunados.",
            "El covid puede ser más serio en quienes tienen su refuerzo.",
            "El covid puede ser más serio en los abuelos con refuerzo.",
            "La vacuna contra la gripa ayuda a que una enfermedad sea más fuerte.",
            "No te vacunes, cuídate de otra manera.",
            "No lleves a tu bebé a vacunar.",
            "Para cuidar a tu bebé, no lo vacunes. Lávate las manos.",
            "Me parece bien no vacunarse.",
            "Lo mejor es no vacunar a los niños.",
            "Nadie debería vacunarse.",
            "Gracias a quienes no se vacunan.",
            "Evita las vacunas y cuida tu cuerpo.",
            "No hay razón para ponerse el refuerzo.",
            "No hace falta el refuerzo.",
            "Los médicos no recomiendan la vacuna.",
            "La mejor vacuna es no ponérsela.",
            "Deja de vacunar a tus hijos.",
            "Protege a tu familia de la vacuna.",
            "Aléjate del puesto de vacunación.",
            "Hoy descansa, olvida el refuerzo.",
            "No confíes en las enfermeras.",
            "El covid no existe.",
            "El tapabocas no sirve.",
            "El covid se transmite menos en lugares con aire limpio y sin ventanas abiertas.",
            "¿Para qué vacunarse si la vacuna no sirve?",
            "Cuídate. LAS VACUNAS NO SON SEGURAS 😷",
        ] {
            assert_eq!(verdict(text), Reject, "{text}");
        }
    }

    #[test]
    fn what_is_said_for_vaccination_passes_although_it_has_a_negation() {
        for text in [
            "No vacunarse pone en riesgo a los mayores.",
            "Ninguna vacuna es mala para el barrio.",
            "La vacuna no solo te protege a ti.",
            "La vacuna no es obligatoria, es una invitación.",
            "Las vacunas no llegan solas: alguien las lleva.",
            "La vacuna no hace daño.",
            "La vacuna no protege de inmediato.",
            "La vacuna no evita el contagio, pero reduce la gravedad.",
            "Es falso que la vacuna enferma.",
            "¿La vacuna no sirve? Pregúntale a tu médico.",
            "No dejes de vacunarte.",
            "No olvides vacunar a tu bebé.",
            "No hay que vacunarse en ayunas.",
            "No hay que tener miedo de la vacuna.",
            "Nadie debe vacunarse sin entender para qué.",
            "El carné de vacunas no sirve si está perdido.",
            "Cuida a tu bebé después de la vacuna.",
            "El covid puede ser más serio en los mayores que no tienen su refuerzo.",
            "La vacuna ayuda a que la enfermedad sea menos grave.",
            "El covid es menos grave en muchas personas vacunadas.",
            "El covid puede ser grave en los mayores. Pregunta por el refuerzo.",
            "Las vacunas previenen muchas enfermedades.",
            "Cuidar a una persona enferma cansa. Descansa tú también.",
        ] {
            assert_eq!(verdict(text), Pass, "{text}");
        }
    }

    #[test]
    fn the_reason_quotes_the_sentence() {
        let gate = Contrary::new(&labels("positive"));
        let expected = reject(NAME, "it speaks against vaccination or protection: “Las vacunas no sirven.”");
        assert_eq!(verdict_of(&gate, "Hoy hace sol. Las vacunas no sirven. Ve al parque."), expected);
    }

    #[test]
    fn only_a_bot_that_should_speak_for_vaccination_is_held_to_it() {
        let text = "Las vacunas no sirven.";
        let of_labels = [("positive", "MeGusta"), ("negative", "NoMeGusta")];
        let of_labels = of_labels.map(|(label, tag)| (label.to_owned(), vec![tag.to_owned()])).into();
        let other = LabelHashtags { of_labels, target: Some("positive".to_owned()) };
        for labels in [labels("negative"), other, LabelHashtags::default()] {
            assert_eq!(verdict_of(&Contrary::new(&labels), text).verdict, Pass, "{labels:?}");
        }
    }
}
