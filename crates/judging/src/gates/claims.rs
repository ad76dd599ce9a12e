//! Gate `claims`: figures, dates, sums, medicines, events, promises of medicine and statements attributed to institutions,
//! which a model makes up.
//!
//! Nothing here checks facts, so the policy decides whether a person reviews the text or it is rejected. Small numbers in
//! everyday use (`2 amigos`, `a las 9`) pass; a number of doses or deaths never does.

use std::sync::LazyLock;

use regex::Regex;

use super::{Gate, Reading, quote};
use crate::gates::ReviewPolicy;
use pregonero_text::tweet_text::without;
use pregonero_tweet::{GateVerdict, Verdict};

pub(super) const NAME: &str = "claims";

/// The greatest bare number that passes.
const SMALL: u64 = 12;

#[derive(Debug)]
pub(super) struct Claims {
    verdict: Verdict,
}

impl Claims {
    /// Returns the gate, or `None` if the policy is `allow`.
    pub(super) fn new(policy: ReviewPolicy) -> Option<Self> {
        policy.verdict().map(|verdict| Self { verdict })
    }
}

impl Gate for Claims {
    fn name(&self) -> &'static str {
        NAME
    }

    fn verdict(&self, reading: &Reading<'_>) -> GateVerdict {
        let body = &reading.body;
        let prose = without(&body.text, &[&body.urls, &body.mentions, &body.hashtags, &body.cashtags]);
        match claim(&prose) {
            Some((what, piece)) => {
                GateVerdict::new(NAME, self.verdict, format!("it contains {what}: {}", quote(&piece)))
            }
            None => GateVerdict::pass(NAME),
        }
    }
}

fn claim(prose: &str) -> Option<(&'static str, String)> {
    let named = CLAIMS.iter().find_map(|(pattern, what)| Some((*what, pattern.find(prose)?.as_str().to_owned())));
    named.or_else(|| event(prose)).or_else(|| figure(prose))
}

/// Finds an event that is announced for a time near at hand. "Pregunta si hoy hay vacunación" announces none.
fn event(prose: &str) -> Option<(&'static str, String)> {
    let found = EVENT.find_iter(prose).find(|found| {
        let sentence = prose[..found.start()].rfind(['.', '!', '?', ':', ';']).map_or(0, |end| end + 1);
        !ASKED.is_match(&prose[sentence..found.end()])
    })?;
    Some(("an announced event", found.as_str().to_owned()))
}

/// Finds a number that is neither small nor part of a name such as COVID-19.
fn figure(prose: &str) -> Option<(&'static str, String)> {
    let names = NAMES_WITH_NUMBERS.replace_all(prose, " ");
    let found = NUMBER.find_iter(&names).find(|number| {
        let digits: String = number.as_str().chars().filter(char::is_ascii_digit).collect();
        let is_plain = digits.len() == number.as_str().len();
        !is_plain || digits.parse::<u64>().is_ok_and(|value| value > SMALL) || digits.len() > 19
    })?;
    Some(("a figure", found.as_str().to_owned()))
}

static EVENT: LazyLock<Regex> = LazyLock::new(|| {
    let when = r"(?:hoy|mañana|esta (?:mañana|tarde|noche|semana)|este (?:mes|fin de semana))";
    let what = r"(?:jornadas?|vacunación|vacunas|dosis|puestos?|puntos?|campañas?|vacunatón)";
    let is =
        r"(?:hay|habrá|tendremos|aplican|aplicarán|abren?|abrirán?|llegan|llegarán?|empieza|empezará|comienza|inicia)";
    compile(&format!(
        r"(?i)\b{when}\b[^.!?:;]{{0,40}}\b{is}\b[^.!?:;]{{0,30}}\b{what}\b|\b(?:hay|habrá|tendremos)\s+(?:una\s+)?{what}\b[^.!?:;]{{0,40}}\b{when}\b|\b{when}\b[^.!?:;]{{0,30}}\b(?:vacunan|vacunaremos|vacunarán)\b"
    ))
});

static ASKED: LazyLock<Regex> = LazyLock::new(|| compile(r"(?i)\bsi\b|\bpregunta|\ba qué hora\b"));

static NUMBER: LazyLock<Regex> = LazyLock::new(|| compile(r"\d+(?:[.,:/]\d+)*"));

/// Numbers that belong to a name: COVID-19, SARS-CoV-2, 5G, H1N1, B117, 24/7.
static NAMES_WITH_NUMBERS: LazyLock<Regex> =
    LazyLock::new(|| compile(r"(?i)covid[\s_-]*(?:19|2019)|\b24/7\b|\b\p{L}[\p{L}\d]*(?:-\p{L}+)*-?\d+\w*|\b[2-6]G\b"));

/// Things whose number, however small, is always a claim.
const COUNTED: &str = r"(?:dosis|vacunas|vacunad[oa]s|casos|muert[oa]s|muertes|fallecid[oa]s|contagi(?:os|ad[oa]s)|infectad[oa]s|hospitalizad[oa]s|recuperad[oa]s|víctimas|personas|pacientes|habitantes)";

const INSTITUTION: &str = r"(?:OMS|OPS|ONU|FDA|EMA|CDC|INVIMA|Invima|COFEPRIS|Cofepris|ANMAT|AEMPS|INS|UNICEF|Unicef|DANE|MinSalud|Minsalud|[Mm]inisterio|[Mm]inistr[oa]|[Gg]obierno|[Pp]residente|[Pp]residencia|[Aa]lcald(?:e|esa|ía)|[Ss]ecretaría|[Uu]niversidad|Organización Mundial de la Salud|Unión Europea|Pfizer|Moderna|AstraZeneca)";

const SAYING: &str = r"(?:dij(?:o|eron)|dicen?|ha dicho|afirm(?:a|ó|an|aron)|confirm(?:a|ó|an|aron)|anunci(?:a|ó|an|aron)|aprueban?|aprobó|aprobaron|recom(?:ienda|endó|iendan|endaron)|advi(?:erte|rtió|erten|rtieron)|inform(?:a|ó|an|aron)|asegur(?:a|ó|an|aron)|revel(?:a|ó|an|aron)|prohíbe|prohibió|autoriz(?:a|ó|an|aron)|declar(?:a|ó|an|aron)|report(?:a|ó|an|aron)|señal(?:a|ó|an|aron))";

/// Patterns of claims, in the order they are searched for, and the words for them in a reason.
static CLAIMS: LazyLock<Vec<(Regex, &'static str)>> = LazyLock::new(|| {
    let months = "enero|febrero|marzo|abril|mayo|junio|julio|agosto|septiembre|setiembre|octubre|noviembre|diciembre";
    [
        (r"\d[\d.,]*\s?%|(?i:\bpor\s?ciento\b)".to_owned(), "a percentage"),
        (r"(?:\+|\b)\d{1,4}(?:[ \-]?\(?\d{2,4}\)?){2,4}\b".to_owned(), "a possible phone number"),
        (
            r"[$€£¥]\s?\d[\d.,]*|(?i:\b\d[\d.,]*\s*(?:mil(?:es|lones)?\s*(?:de\s+)?)?(?:pesos|dólares|euros|soles|usd|cop|mxn)\b)"
                .to_owned(),
            "a sum of money",
        ),
        (
            format!(r"(?i)\b\d{{1,2}}\s?(?:º\s*)?de\s+(?:{months})\b|\b(?:{months})\s+de(?:l)?\s+\d{{4}}\b|\b\d{{1,4}}[/-]\d{{1,2}}[/-]\d{{1,4}}\b|\b(?:1[89]|20)\d{{2}}\b"),
            "a date",
        ),
        (
            r"(?i)\b(?:el|este|al|del|próximo|pasado)\s+(?:próximo\s+|pasado\s+)?(?:lunes|martes|miércoles|jueves|viernes|sábado|domingo)\b(?:\s+(?:próximo|pasado|que viene))?"
                .to_owned(),
            "a day",
        ),
        (
            r"(?i)\b(?:hoy|mañana),?\s+(?:lunes|martes|miércoles|jueves|viernes|sábado|domingo)\b".to_owned(),
            "a day",
        ),
        (
            r"(?i)\b(?:vacunas?|vacunación|refuerzos?|dosis|vacunar(?:se|te|nos)?)(?:\s+(?:contra|de|del)\s+(?:el\s+|la\s+)?\w+)?\s+(?:siempre\s+|te\s+|nos\s+|los\s+|las\s+|les?\s+)?(?:curan?|garantizan?|eliminan?|evitan? (?:por completo|totalmente)|protegen? (?:para siempre|por completo|totalmente|del todo)|hacen? inmunes?)\b|\bno (?:tienen?|causan?|producen?|dan?) (?:ningún )?efectos? (?:secundarios?|adversos?)|\b(?:totalmente|completamente|absolutamente) (?:segur[oa]s?|efica(?:z|ces)|efectiv[oa]s?|inofensiv[oa]s?)\b"
                .to_owned(),
            "a promise",
        ),
        (r"(?i)\b(?:\d[\d.,]*|un|una|dos|tres|cuatro|cinco|seis|siete|ocho|nueve|diez|cien(?:tos)?|mil(?:es)?|mill[oó]n(?:es)?)\s+(?:de\s+)?(?:\p{L}+\s+)?(?:muert[oa]s|muertes|fallecid[oa]s|contagiad[oa]s|infectad[oa]s|hospitalizad[oa]s)\b".to_owned(), "a number of victims"),
        (format!(r"(?i)\b(?:\d[\d.,]*|cientos|cien|mil|miles|mill[oó]n(?:es)?)\s+(?:de\s+)?(?:nuev[oa]s\s+)?{COUNTED}\b"), "a figure"),
        (r"(?i)\b(?:millones|billones)\b|\bun millón de (?:dosis|personas|pesos)\b".to_owned(), "a figure"),
        (
            r"(?i:\b(?:pfizer|bion?tech|astra\s?zeneca|sinovac|coronavac|janssen|johnson\s*(?:&|y|and)\s*johnson|sputnik|novavax|covaxin|sinopharm|cansino|curevac|comirnaty|paxlovid|molnupiravir|remdesivir|ivermectina|(?:hidroxi)?cloroquina|dióxido de cloro|dexametasona|azitromicina|amoxicilina|paracetamol|acetaminofén|ibuprofeno|aspirina|penicilina|insulina|ozempic|prednisona|antibióticos?)\b)|\b(?:[Dd]e|con|la) Moderna\b|\bModerna (?:y|o|es)\b|\bvacuna Moderna\b|\b(?:Abdala|Soberana)\b"
                .to_owned(),
            "the name of a medicine or brand",
        ),
        (
            format!(r"\b[Ss]egún\s+(?:el|la|los|las|un|una)?\s*(?:{INSTITUTION}|(?i:estudios?|expert[oa]s?|científic[oa]s?|médic[oa]s?|datos|cifras|investigadores|investigación|fuentes|encuestas?|informe))\b|\b[Ss]egún\s+(?:el|la)?\s*\p{{Lu}}\p{{L}}+"),
            "a statement attributed to someone",
        ),
        (format!(r"\b{INSTITUTION}(?:\s+\p{{L}}+){{0,4}}\s+(?:ya\s+)?{SAYING}\b"), "a statement attributed to someone"),
        (
            r"(?i)\b(?:un|el|los|varios|nuevos?|según)\s+(?:nuevo\s+)?(?:estudios?|científic[oa]s|expert[oa]s|investigador(?:es)?)\s+(?:demuestran?|revelan?|confirman?|dicen?|aseguran?|indican?|muestran?)\b|\b(?:está|científicamente)\s+(?:científicamente\s+)?(?:demostrado|comprobado|probado)\b"
                .to_owned(),
            "a statement attributed to someone",
        ),
    ]
    .map(|(pattern, what)| (compile(&pattern), what))
    .into()
});

fn compile(pattern: &str) -> Regex {
    Regex::new(pattern).expect("a pattern written here compiles")
}

#[cfg(test)]
mod tests {
    use super::super::tests::verdict_of;
    use super::*;

    #[test]
    fn everyday_numbers_and_names_pass() {
        let gate = Claims::new(ReviewPolicy::Review).unwrap();
        for text in [
            "",
            "Hoy fui con 2 amigos al parque.",
            "Un café y una arepa, por favor.",
            "Nos vemos a las 9.",
            "Llevo 3 horas en la fila.",
            "Mil gracias a todos.",
            "El COVID-19 no se ha ido.",
            "El covid 19 no se ha ido.",
            "El SARS-CoV-2 muta.",
            "Abierto 24/7.",
            "Esto no es por el 5G.",
            "#Covid2021 #Dosis3000",
            "Me encanta la vida moderna.",
            "Soy muy soberana en mi casa.",
            "Mayo es mi mes favorito.",
            "Según yo, todo va bien.",
            "El gobierno no hace nada.",
            "Ayer murió mi gato.",
            "Somos dos personas tranquilas.",
            "Cien años de soledad es mi libro.",
            "Un domingo en la finca alegra.",
            "Los lunes cuestan.",
            "Pregunta si hoy hay vacunación en tu vereda.",
            "Mañana será un buen día para pedir la cita.",
            "La vacuna no cura: previene.",
            "El cura del pueblo habló de la vacuna.",
        ] {
            assert_eq!(verdict_of(&gate, text), GateVerdict::pass(NAME), "{text}");
        }
    }

    #[test]
    fn what_can_be_wrong_is_shown_to_a_person() {
        let gate = Claims::new(ReviewPolicy::Review).unwrap();
        let cases = [
            ("El 95% está vacunado.", "a percentage: “95%”"),
            ("El 95,3 % está vacunado.", "a percentage: “95,3 %”"),
            ("El noventa por ciento duerme.", "a percentage: “por ciento”"),
            ("Llama al 300 123 4567.", "a possible phone number: “300 123 4567”"),
            ("Llama al +57 300 123 4567.", "a possible phone number: “+57 300 123 4567”"),
            ("Cuesta $20.000 y ya.", "a sum of money: “$20.000”"),
            ("Cuesta 20 dólares.", "a sum of money: “20 dólares”"),
            ("Abre el 3 de marzo.", "a date: “3 de marzo”"),
            ("Fue el 03/04/2021.", "a date: “03/04/2021”"),
            ("En 2021 pasó todo.", "a date: “2021”"),
            ("La jornada es el sábado en el parque.", "a day: “el sábado”"),
            ("Este lunes abre el puesto.", "a day: “Este lunes”"),
            ("Habrá dosis el próximo martes.", "a day: “el próximo martes”"),
            ("Abren el viernes que viene.", "a day: “el viernes que viene”"),
            ("Nos vemos mañana jueves.", "a day: “mañana jueves”"),
            ("Hoy hay vacunación en el parque.", "an announced event: “Hoy hay vacunación”"),
            ("Mañana, en la plaza, hay jornada.", "an announced event: “Mañana, en la plaza, hay jornada”"),
            ("Hay jornada de vacunación esta tarde.", "an announced event: “Hay jornada de vacunación esta tarde”"),
            ("Hoy en el barrio vacunan gratis.", "an announced event: “Hoy en el barrio vacunan”"),
            ("La vacuna cura el covid.", "a promise: “vacuna cura”"),
            (
                "La vacuna contra la gripa te protege por completo.",
                "a promise: “vacuna contra la gripa te protege por completo”",
            ),
            ("La vacuna es totalmente segura.", "a promise: “totalmente segura”"),
            ("No tiene efectos secundarios.", "a promise: “No tiene efectos secundarios”"),
            ("Hubo tres muertos.", "a number of victims: “tres muertos”"),
            ("Hubo 5 casos.", "a figure: “5 casos”"),
            ("Llegaron 500 sillas.", "a figure: “500”"),
            ("Llegaron 1.200 sillas.", "a figure: “1.200”"),
            ("Abren a las 9:30.", "a figure: “9:30”"),
            ("Miles de personas en la fila.", "a figure: “Miles de personas”"),
            ("Llegan dos millones de sillas.", "a figure: “millones”"),
            ("Me pusieron Pfizer.", "the name of a medicine or brand: “Pfizer”"),
            ("Me pusieron la de Moderna.", "the name of a medicine or brand: “de Moderna”"),
            ("Toma ivermectina.", "the name of a medicine or brand: “ivermectina”"),
            ("Según la OMS todo va bien.", "a statement attributed to someone: “Según la OMS”"),
            ("Según un estudio duermes mal.", "a statement attributed to someone: “Según un estudio”"),
            ("El ministro de Salud anunció el fin.", "a statement attributed to someone: “ministro de Salud anunció”"),
            ("Un estudio demuestra que sí.", "a statement attributed to someone: “Un estudio demuestra”"),
            ("Está demostrado que sí.", "a statement attributed to someone: “Está demostrado”"),
        ];
        for (text, what) in cases {
            let expected = GateVerdict::new(NAME, Verdict::Review, format!("it contains {what}"));
            assert_eq!(verdict_of(&gate, text), expected, "{text}");
        }
    }

    #[test]
    fn the_policy_decides_what_becomes_of_it() {
        assert!(Claims::new(ReviewPolicy::Allow).is_none());
        let strict = Claims::new(ReviewPolicy::Reject).unwrap();
        assert_eq!(verdict_of(&strict, "Llegaron 500 sillas.").verdict, Verdict::Reject);
    }
}
