//! Gate `experience`: first-person claims of a body and a life that a bot does not have, such as `hoy me vacuné`, `mi hija`,
//! `ayer fui`, `tengo fiebre`.
//!
//! Opinions and wishes pass (`me parece`, `me alegra`, `creo`), and so do statements about everyone (`nos cuidamos`,
//! `nuestra comunidad`, `cuando nos vacunamos`), questions (`¿puedo cambiar mi cita?`) and quotations (`di «tengo tos»`). It
//! reads forms, not meaning: a form that is also a voseo imperative (`salí`, `viví`) counts only with a word such as `ayer`,
//! `yo` or `vacunada`.

use std::sync::LazyLock;

use regex::Regex;

use super::{Gate, Reading, quote};
use crate::gates::ReviewPolicy;
use pregonero_text::tweet_text::without;
use pregonero_tweet::{GateVerdict, Verdict};

pub(super) const NAME: &str = "experience";

#[derive(Debug)]
pub(super) struct Experience {
    verdict: Verdict,
}

impl Experience {
    /// Returns the gate, or `None` if the policy is `allow`.
    pub(super) fn new(policy: ReviewPolicy) -> Option<Self> {
        policy.verdict().map(|verdict| Self { verdict })
    }
}

impl Gate for Experience {
    fn name(&self) -> &'static str {
        NAME
    }

    fn verdict(&self, reading: &Reading<'_>) -> GateVerdict {
        let body = &reading.body;
        let prose = without(&body.text, &[&body.urls, &body.mentions, &body.hashtags, &body.cashtags]).to_lowercase();
        match claim(&prose) {
            Some((what, piece)) => {
                GateVerdict::new(NAME, self.verdict, format!("a bot has no {what}: {}", quote(&piece)))
            }
            None => GateVerdict::pass(NAME),
        }
    }
}

/// Quotations and questions, which are not claims by the bot.
static SAID_BY_OTHERS: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r#"«[^«»]*»|“[^“”]*”|"[^"]*"|¿[^¿?]*\?"#).expect("a pattern written here compiles"));

/// Returns what a lower-case text claims, and the words that claim it.
fn claim(prose: &str) -> Option<(&'static str, String)> {
    let prose = SAID_BY_OTHERS.replace_all(prose, "…");
    let prose = prose.as_ref();
    CLAIMS.iter().find_map(|(pattern, what)| Some((*what, pattern.find(prose)?.as_str().to_owned())))
}

/// Family, friends, places and times that belong to a person's life.
const OWN: &str = "hij[oa]s?|hijit[oa]s?|mamá|mama|mami|papá|papi|padres?|madres?|papás|viej[oa]s?|abuel[oa]s?|abuelit[oa]s?|\
    herman[oa]s?|hermanit[oa]s?|tí[oa]s?|prim[oa]s?|espos[oa]|marido|mujer|novi[oa]|pareja|suegr[oa]s?|sobrin[oa]s?|niet[oa]s?|\
    niet(?:ic|it)[oa]s?|cuñad[oa]s?|familia|familiares|bebé|nen[ea]s?|niñ[oa]s?|gurí|guagua|vecin[oa]s?|amig[oa]s?|compañer[oa]s?|\
    colegas?|jef[ea]s?|perr(?:o|a|ito|ita)s?|gat(?:o|a|ito|ita)s?|mascotas?|médic[oa]|doctora?|casa|cama|barrio|cuadra|pueblo|\
    vereda|colegio|escuela|universidad|trabajo|oficina|gimnasio|cole|calle|cuarto|habitación|balcón|ventana|infancia|niñez|juventud|boda|embarazo|parto|cumpleaños|edad";

/// Parts and states of a body, and what health services give a person.
const BODY: &str = "cuerpo|brazos?|manos?|pies|ojos|hombro|pecho|cabeza|garganta|espalda|piernas?|sangre|pulmones|fiebre|tos|enfermedad|diabetes|\
    asma|recuperación|dosis|vacunas?|refuerzos?|turno|cita|carnet|carné|esquema|pinchazo|inyección|certificado|mascarilla|\
    tapabocas|barbijo|cubrebocas";

/// Words that may come between `mi` and the noun.
const BETWEEN: &str = "(?:propi[oa]s?|querid[oa]s?|pequeñ[oa]s?|mejor(?:es)?|gran|primer[oa]?|segund[oa]|tercer[oa]?|cuart[oa]|\
    últim[oa]|próxim[oa]|nuev[oa]s?|viej[oa]s?|hermos[oa]s?|bell[oa]s?|adorad[oa]s?) +";

/// Stems of -ar verbs whose first person of the past tense ends in -é; no voseo imperative has that ending.
const PAST_IN_AR: &str = "vacun|enferm|contagi|llegu|llev|habl|acompañ|visit|despert|camin|abrac|trabaj|estudi|viaj|qued|\
    levant|cans|cuid|lav|prob|compr|pregunt|encontr|celebr|cocin|bail|cant|nad|jugu|pagu|busqu|saqu|invit|escuch|mir|record|\
    regres|entr|tom|recuper|san|cur|abrigu|apliqu|inyect|comenc|empec|acost|cas|gradu|jubil|mud|enamor|asust|emocion|cort|\
    lastim|golpe|vomit|desmay|intern|oper|llor|esper|pas|registr|reserv|saqu|firm|abrac|bes|salud|conect";

/// First-person past forms that are nothing else.
const PAST: &str =
    "fui|vine|estuve|tuve|anduve|hice|vi|nací|crecí|comí|perdí|conocí|volví|corrí|caí|bebí|padecí|envejecí|aprendí|leí";

/// First-person past forms that are also voseo imperatives.
const PAST_OR_ORDER: &str =
    "salí|viví|dormí|sufrí|recibí|asistí|sentí|pedí|compartí|subí|seguí|escribí|decidí|oí|cumplí|sobreviví";

/// One relative or neighbour after `nuestra`; the plural (`nuestros abuelos`) often means everybody's.
const KIN: &str = "(?:hij[oa]|hijit[oa]|mamá|mami|papá|papi|abuel[oa]|abuelit[oa]|herman[oa]|hermanit[oa]|tí[oa]|prim[oa]|suegr[oa]|\
    sobrin[oa]|niet[oa]|nietecit[oa]|cuñad[oa]|bebé|nen[ea]|niñ[oa]|vecin[oa]|perr(?:o|a|ito|ita)|gat(?:o|a|ito|ita))";

/// What a person gets or has been given.
const DOSE: &str = "(?:vacunas?|dosis|refuerzos?|inyección|pinchazo|tapabocas|mascarilla|barbijo|cubrebocas|primera|segunda|tercera|cuarta)";

/// Professions and other parts in life, for `como médica, te recomiendo`.
const ROLE: &str = "(?:médic[oa]|enfermer[oa]|doctora?|auxiliar|vacunadora?|pediatra|farmacéutic[oa]|científic[oa]|psicólog[oa]|\
    odontólog[oa]|bacteriólog[oa]|profesora?|profe|maestr[oa]|docente|estudiante|madre|padre|mamá|papá|abuel[oa]|hij[oa]|paciente|\
    trabajadora?|ciudadan[oa]|periodista|colombian[oa]|mexican[oa]|argentin[oa]|chilen[oa]|peruan[oa]|persona|mujer|hombre|joven)";

/// More that belongs to a person's life, after `mi`.
const LIFE: &str = "experiencias?|vida|historia|testimonio|vacaciones|viaje|salud|carrera|consultorio|hospital|clínica|pacientes?|\
    alumn[oa]s?|estudiantes|clases?|hogar|apartamento|finca|moto|carro|celular|ciudad|profesión|rutina|almuerzo|desayuno|memoria";

/// What others did to a person (`me trataron`); what pleases or moves (`me encantaron`) is an opinion and not listed.
const DONE_BY_OTHERS: &str = "(?:(?:trat|cont|explic|llam|llev|acompañ|invit|ayud|pregunt|regal|cuid|salv|enseñ|dej|mand|avis|tom|sac|\
    cur|abraz|felicit|examin)(?:aron|ó)|(?:recib|pid)(?:ieron|ió)|dijeron|dijo|hicieron|hizo)";

/// Past forms of `nosotros` that are not present forms too.
const PAST_OF_US: &str =
    "(?:fuimos|estuvimos|hicimos|tuvimos|vinimos|anduvimos|trajimos|dijimos|pudimos|pusimos|vimos|crecimos|nacimos)";

/// The imperfect; no conditional (`yo diría`) ends like it.
const IMPERFECT: &str = r"(?:\p{L}+aba|\p{L}*[^\P{L}r]ía|era|iba)";

/// Patterns of claims, in the order they are searched for, and the words for them in a reason.
static CLAIMS: LazyLock<Vec<(Regex, &'static str)>> = LazyLock::new(|| {
    [
        (format!(r"\bmis?\s+(?:{BETWEEN})?(?:{OWN})\b"), "family, home or past"),
        (format!(r"\bmis?\s+(?:{BETWEEN})?(?:{BODY})\b"), "body"),
        (
            r"\b(?:ya\s+)?(?:me|te me)\s+(?:vacun[oé]|vacunaré|enferm[oé]|contagi[oé]|cuido|cuidé|cuidaré|lavo|abrigo|baño|ducho|recupero|inyecto|inmunizo|resfr[ií]o|resfrié|puse|pondré|dormí|desmayo)\b"
                .to_owned(),
            "body",
        ),
        (r"\b(?:hoy|ayer|anoche|ya|recién)\s+me\s+(?:vacune|enferme|contagie|cure)\b".to_owned(), "body"),
        (
            r"\bme\s+(?:pongo|saco|quito|coloco|aplico)\s+(?:la|el|las|los|mi|mis|una?)\s+(?:\p{L}+\s+)?(?:mascarilla|tapabocas|barbijo|cubrebocas|vacuna|dosis|refuerzo|guantes|inyección|gorro|alcohol|gel)\b"
                .to_owned(),
            "body",
        ),
        (
            r"\bme\s+(?:(?:la|lo|las|los)\s+)?(?:pusieron|aplicaron|vacunaron|inyectaron|atendieron|atendió|operaron|internaron|hospitalizaron|contagiaron|contagió|picaron|pincharon|recetaron|recetó|revisaron|revisó|pinchó|vacunó|aplicó|inyectó|llamaron|citaron|agendaron|testearon|hisoparon)\b"
                .to_owned(),
            "body",
        ),
        (
            r"\bme\s+(?:duelen?|dolió|dolía|ardía|sangra)\b|\bme\s+(?:dio|dieron|da)\s+(?:un\s+poco\s+de\s+|mucha\s+|la\s+|el\s+)?(?:fiebre|covid|gripa|gripe|tos|coronavirus|escalofríos?|vacuna|dosis|refuerzo)\b|\bme\s+tocó\s+(?:el\s+turno|la\s+(?:vacuna|dosis|segunda|primera)|hacer\s+fila|vacunarme)\b|\bme\s+hicieron\s+(?:la|una)\s+prueba\b"
                .to_owned(),
            "body",
        ),
        (
            r"\bme\s+(?:siento|sentí|encuentro)\s+(?:muy\s+|mucho\s+|un\s+poco\s+)?(?:mal|enferm[oa]|débil|cansad[oa]|mejor|maread[oa]|resfriad[oa]|adolorid[oa])\b"
                .to_owned(),
            "body",
        ),
        (
            r"\b(?:tengo|yo\s+tenía|tuve|tendré)\s+(?:un\s+poco\s+de\s+|mucha\s+|mucho\s+|algo\s+de\s+|la\s+|el\s+)?(?:fiebre|tos|gripa|gripe|covid|coronavirus|catarro|dolor|dolores|frío|calor|hambre|sueño|sed|síntomas|asma|diabetes|hipertensión|escalofríos|náuseas|turno|cita|alergia|alergias)\b"
                .to_owned(),
            "body",
        ),
        (r"\b(?:tengo|yo\s+tenía|cumplo|cumplí)\s+(?:\d+|\p{L}+(?:\s+y\s+\p{L}+)?)\s+años\b".to_owned(), "age"),
        (
            r"\b(?:tengo|yo\s+tenía)\s+(?:un[ao]?|dos|tres|cuatro|cinco|muchos|varias?)\s+(?:hij[oa]s?|herman[oa]s?|niet[oa]s?|perr[oa]s?|gat[oa]s?|amig[oa]s?|vecin[oa]s?)\b"
                .to_owned(),
            "family, home or past",
        ),
        (
            r"\bestoy\s+(?:ya\s+|muy\s+|recién\s+|completamente\s+|totalmente\s+)?(?:vacunad[oa]|enferm[oa]|embarazad[oa]|cansad[oa]|jubilad[oa]|recuperad[oa]|contagiad[oa]|aislad[oa]|resfriad[oa]|engripad[oa]|internad[oa]|hospitalizad[oa]|inmunizad[oa]|hart[oa]|confinad[oa]|aburrid[oa]|incómod[oa]|en\s+(?:la|el|mi|un|una|casa|cuarentena|cama|camino)|(?:viendo|comiendo|caminando|llorando|saliendo|llegando|viajando|tosiendo)|haciendo\s+(?:fila|cola)|formad[oa]|esperando\s+(?:mi|la|que\s+me)|con\s+(?:fiebre|gripa|gripe|tos|covid))\b"
                .to_owned(),
            "body",
        ),
        (
            r"\bsoy\s+(?:una?\s+)?(?:orgullos[oa]\s+)?(?:médic[oa]|enfermer[oa]|doctora?|madre|padre|mamá|papá|abuel[oa]|profesora?|profe|maestr[oa]|docente|estudiante|paciente|diabétic[oa]|asmátic[oa]|alérgic[oa]|colombian[oa]|mexican[oa]|argentin[oa]|chilen[oa]|peruan[oa]|urugu?ay[oa]|español(?:a)?|vecin[oa]|hij[oa]|viud[oa]|casad[oa]|solter[oa]|persona|adult[oa]|jubilad[oa]|campesin[oa]|mujer|hombre|joven|sobreviviente)\b"
                .to_owned(),
            "family, home or past",
        ),
        (r"(?:^|[.!?,;:…]\s*|\b(?:yo|que|donde|y|no|aún|todavía)\s+)vivo\s+(?:en|con|sol[oa]|cerca)\b|\byo\s+vivía\b|\bcuando\s+(?:yo\s+)?era\s+(?:niñ|chic|pequeñ|joven|pib|chamac|pelad|guagua|muchach)\p{L}*".to_owned(), "family, home or past"),
        (r"\bcuando\s+(?:yo\s+)?estaba\s+(?:enferm|embaraz|intern|hospital|en\s+cama)\p{L}*".to_owned(), "body"),
        (
            r"(?:^|[.!?,;:¡¿«“]\s*|\byo\s+)trabajo\s+(?:en|de|como)\s+(?:un|una|el|la|casa|enfermer|médic|profesor|maestr)".to_owned(),
            "family, home or past",
        ),
        (
            r"\b(?:vacunar|poner|aplicar|cuidar|proteger|inmunizar|enfermar|contagiar|curar|recuperar|abrigar|lavar|bañar|acostar|levantar|operar|inyectar|revisar|hacer|dormir|quedar)me(?:l[ao]s?)?\b|\bponérme[ln]\p{L}*"
                .to_owned(),
            "body",
        ),
        (
            r"\b(?:haber|habiendo)me\s+(?:vacunado|enfermado|contagiado|puesto|aplicado|inyectado|cuidado|curado|recuperado)\b"
                .to_owned(),
            "body",
        ),
        (
            r"\b(?:me\s+|nos\s+)(?:vacun(?:é|amos)|pus(?:e|imos)|enferm(?:é|amos)|contagi(?:é|amos))\s+(?:\p{L}+\s+){0,3}(?:ayer|anoche|anteayer|antier|el\s+(?:lunes|martes|miércoles|jueves|viernes|sábado|domingo)|la\s+semana\s+pasada|el\s+(?:mes|año)\s+pasado|esta\s+mañana|hoy\s+(?:temprano|en\s+la\s+mañana|por\s+la\s+mañana))\b|\b(?:ya|recién|esta\s+mañana|el\s+(?:lunes|martes|miércoles|jueves|viernes|sábado|domingo))\s+nos\s+(?:vacunamos|pusimos|enfermamos|contagiamos)\b"
                .to_owned(),
            "body",
        ),
        (
            r"\bme\s+(?:voy|vas?\s+a|quiero|pienso|puedo|debo)\s+(?:a\s+)?(?:vacunar|poner|aplicar|inyectar|cuidar|proteger|lavar|operar)\b|\bvoy\s+(?:al\s+(?:médico|hospital|puesto|centro|consultorio|trabajo)|a\s+la\s+(?:clínica|farmacia|escuela|universidad|oficina)|por\s+(?:la|el|mi)|camino\s+(?:a|al)|rumbo\s+(?:a|al))\b|\bvoy\s+a\s+(?:ir|salir|viajar|comprar|visitar|llevar|dormir|comer)\b"
                .to_owned(),
            "body",
        ),
        (r"\b(?:vengo|vuelvo|salgo|(?:ya|yo|hoy)\s+regreso)\s+de(?:l)?\b|\bacabo\s+de\s+(?:llegar|salir|volver|recibir|despertar|comer|hablar|ver)\b".to_owned(), "everyday life"),
        (
            r"\b(?:me\s+)?he\s+(?:estado|tenido|ido|visto|perdido|sufrido|pasado|vivido|viajado|trabajado|llorado|recibido|esperado|vacunado|enfermado|contagiado|puesto|cuidado|crecido|acompañado|llevado|visitado|caminado|dormido|comido|hecho\s+fila|dado\s+positivo|salido|preparado|comprado)\b"
                .to_owned(),
            "everyday life",
        ),
        (r"\bllevo\s+(?:\d+|un|una|dos|tres|cuatro|cinco|varios|varias|muchos|muchas|toda?|tant[oa]s)\s+(?:\p{L}+\s+)?(?:días?|meses|años?|semanas?|horas?|noches?|rato|mañana|tarde|vida)\b".to_owned(), "everyday life"),
        (format!(r"\b(?:{PAST})\b"), "everyday life"),
        (format!(r"\b(?:{PAST_IN_AR})é\b"), "everyday life"),
        (
            format!(r"\b(?:ayer|anoche|anteayer|antier|hoy|yo|cuando|apenas|nunca|recién|ya|me|mañana)\s+(?:\p{{L}}+\s+)?(?:{PAST_OR_ORDER})\b"),
            "everyday life",
        ),
        (
            r"\bacab[oé]\s+de\s+\p{L}+r(?:me|nos|l[aeo]s?)*\b|\bnos\s+acabamos\s+de\s+\p{L}+r\b|\bacabamos\s+de\s+\p{L}+rnos\b|\bme\s+(?:acab[oé]|acaban|van|iban|vienen)\s+(?:de|a)\s+(?:vacunar|poner|aplicar|inyectar|atender|operar|llamar|avisar|recuperar|curar)\b|\bme\s+estoy\s+(?:vacunando|recuperando|cuidando|poniendo|aplicando|sintiendo|curando)\b"
                .to_owned(),
            "everyday life",
        ),
        (
            format!(r"\bme\s+(?:toca|tocará|tocaba|tocó|corresponde|faltan?|faltaba)\s+(?:ya\s+|hoy\s+|mañana\s+)?(?:(?:el|la|las|los|mi|una?|otra?)\s+)?(?:{BETWEEN})?(?:{DOSE}|turno|cita|control|prueba|vacunarme|ponerme|aplicarme|ir|hacer|esperar|volver)\b|\bnos\s+toc(?:a|ó)\s+(?:la|el)\s+(?:{DOSE}|turno|cita)\b"),
            "body",
        ),
        (
            format!(r"\b(?:llevo|tengo|llevamos|completé)\s+(?:ya\s+|puestas\s+)?(?:mis\s+|las\s+|los\s+)?(?:(?:\d+|una?|dos|tres|cuatro|cinco|seis|varias|todas(?:\s+las)?)\s+)?{DOSE}\b"),
            "body",
        ),
        (format!(r"\bnos\s+pusimos\s+(?:(?:la|el|las|los|una?|otra)\s+)?{DOSE}\b"), "body"),
        (
            r"(?:^|[.!?,;:¡…]\s*|\b(?:ya|hoy|ayer|anoche|allí|allá|ahí|y|también)\s+)nos\s+(?:(?:la|las|lo|los)\s+)?(?:pusieron|aplicaron|vacunaron|inyectaron|atendieron|atendió|pincharon|recetaron|revisaron|hospitalizaron|contagiaron|citaron|vacunó|aplicó)\b"
                .to_owned(),
            "body",
        ),
        (
            format!(r"\bnuestr[oa]\s+(?:{BETWEEN})?{KIN}\b|\bnuestr[oa]s\s+(?:hij|niet|padre|madre|abuel|sobrin|herman|vecin|suegr)(?:[oa]s|s)\s+(?:ya\s+|también\s+)?(?:se\s+)?(?:recibieron|vacunaron|fueron|salieron|lloraron|quedaron|están\s+vacunad[oa]s|tienen\s+(?:su|la|el|dos|tres))\b"),
            "family, home or past",
        ),
        (
            format!(r"\bnosotr[oa]s\s+(?:(?:ya|no|sí|también|nos)\s+)*{PAST_OF_US}\b|(?:^|[.!?¡…]\s*)(?:fuimos|vinimos|estuvimos)\s+(?:a|al|en|con|por|temprano|tod[oa]s?|junt[oa]s|ayer|hoy)\b"),
            "everyday life",
        ),
        (
            format!(r"\bde\s+(?:niñ[oa]|chic[oa]|chiquit[oa]|pequeñ[oa]|joven|adolescente|pelad[oa])\s*,?\s+(?:(?:yo|me|le|les|lo|la|no|nunca|siempre|también)\s+)*{IMPERFECT}\b|\byo\s+(?:(?:me|le|les|lo|la|no|nunca|siempre|también|ya)\s+)*{IMPERFECT}\b"),
            "family, home or past",
        ),
        (
            r"\bme\s+(?:(?:daba|ponía|asustaba|temblaba|llevaba|cuidaba)n?|costaba|sentía|moría)\b".to_owned(),
            "family, home or past",
        ),
        (format!(r"\bme\s+(?:(?:la|lo|las|los)\s+)?{DONE_BY_OTHERS}\b"), "everyday life"),
        (
            format!(r"\bsalí\s+(?:\p{{L}}+\s+)?(?:vacunad|inmunizad|curad|aliviad|emocionad|agradecid|encantad|pinchad|llorand|sonriend)[oa]\b|\b(?:{PAST_OR_ORDER})\s+(?:\p{{L}}+\s+){{0,4}}(?:ayer|anoche|esta\s+mañana|el\s+(?:año|mes|lunes|martes|miércoles|jueves|viernes|sábado|domingo)\s+pasado|la\s+semana\s+pasada|hace\s+(?:\p{{L}}+|\d+)\s+(?:días?|semanas?|mes(?:es)?|años?))\b"),
            "everyday life",
        ),
        (
            format!(r"\bcomo\s+(?:una?\s+)?(?:buen[oa]?\s+)?{ROLE}(?:\s+(?:de|y)\s+\p{{L}}+)?\s*,?\s+(?:yo|me|mi|creo|sé|veo|puedo|quiero|pienso|opino|conozco|(?:(?:te|les|os|le|lo|los|las)\s+)?(?:recomiendo|digo|aconsejo|pido|cuento|invito|sugiero|confirmo|aseguro|escribo|hablo|agradezco))\b|\b(?:hablo|trabajo|escribo)\s+(?:\p{{L}}+\s+)?como\s+(?:una?\s+)?{ROLE}\b"),
            "family, home or past",
        ),
        (format!(r"\bmis?\s+(?:{BETWEEN})?(?:{LIFE})\b"), "family, home or past"),
        (r"\b(?:ayer|anoche|anteayer|antier)\s+(?:\p{L}+\s+){0,2}(?:fuimos|estuvimos|hicimos|tuvimos|vimos|vinimos|\p{L}+[aei]mos)\b".to_owned(), "everyday life"),
    ]
    .map(|(pattern, what)| (Regex::new(&pattern).expect("a pattern written here compiles"), what))
    .into()
});

#[cfg(test)]
mod tests {
    use super::super::tests::verdict_of;
    use super::*;

    #[test]
    fn opinions_wishes_and_what_is_said_of_everybody_pass() {
        let gate = Experience::new(ReviewPolicy::Review).unwrap();
        for text in [
            "",
            "Me parece que cuidarnos es de todos.",
            "Me alegra ver el puesto lleno.",
            "Me gusta la idea de ir juntos.",
            "Me encanta cuando el barrio se organiza.",
            "Me emociona esta noticia.",
            "Me preocupa que nadie pregunte.",
            "Creo que vale la pena.",
            "Pienso que la vacuna ayuda.",
            "Quiero un país más sano.",
            "Ojalá lleguemos a todos.",
            "Espero que vayas con tiempo.",
            "Deseo que tengas un buen día.",
            "Nos cuidamos entre todos.",
            "Nos vacunamos para abrazar sin miedo.",
            "Nuestra comunidad se mueve.",
            "Nuestros abuelos merecen calma.",
            "Nuestras familias agradecen.",
            "En mi opinión, la espera es corta.",
            "A mi juicio es buena noticia.",
            "Mi consejo: lleva agua y paciencia.",
            "Mi deseo es que nadie falte.",
            "Mi gente, hoy es buen día.",
            "Mi país es más que sus problemas.",
            "Con todo mi cariño para el personal de salud.",
            "Mi gratitud a quienes vacunan.",
            "Gracias por cuidar a tu hija.",
            "Lleva a tu mamá al puesto.",
            "Tu abuela te espera con café.",
            "Su hijo duerme mejor.",
            "Vacunate y contale a tu vieja.",
            "Vení con tu vecino, che.",
            "Salí con tiempo y llevá abrigo.",
            "Viví tranquilo, pedí tu turno.",
            "Compartí el dato con tu cuadra.",
            "Protegé a los tuyos.",
            "Tené paciencia en la fila.",
            "Aprendé a leer el carné.",
            "Preguntá sin pena.",
            "Tengo esperanza en la ciencia.",
            "Tengo ganas de que todo mejore.",
            "Tengo una pregunta: ¿ya viste el horario?",
            "Estoy de acuerdo con la enfermera.",
            "Estoy seguro de que se puede.",
            "Estoy con quienes cuidan.",
            "Soy un bot y te deseo buen día.",
            "Soy de los que creen en la ciencia.",
            "No sé qué haríamos sin las enfermeras.",
            "Sé que da pereza, pero vale la pena.",
            "Así se hace, aquí y allí.",
            "El café sabe mejor en compañía.",
            "El comité del barrio organiza la jornada.",
            "El trabajo en equipo protege.",
            "Ayer llegaron más dosis al pueblo.",
            "Hoy abre el puesto de la esquina.",
            "Ella fue ayer con su hermana.",
            "Ustedes fueron y volvieron sonriendo.",
            "Te vacunaste y ya respiras mejor.",
            "Te pusieron la dosis y listo.",
            "Le duele el brazo un día y ya.",
            "Puede dar fiebre y se pasa pronto.",
            "Cada quien cuida su salud.",
            "Vamos juntos al puesto.",
            "Vale la pena ir en familia.",
            "Si te vacunas, cuidas a otros.",
            "Que esté cerca ayuda mucho.",
            "José y su bebé llegaron temprano.",
            "Gracias #YoMeVacuno por la alegría.",
            "Te diré algo: la fila avanza.",
            "Lo repetiré siempre: gracias.",
            "Me quedo con la idea de cuidar.",
            "¿Me ayudas a contarlo?",
            "¿Puedo cambiar mi cita? Casi siempre se puede.",
            "Di «tengo tos» sin pena y quédate en casa.",
            "Decir \"ya me vacuné\" da alegría a otros.",
            "El recuerdo sigue vivo en la plaza.",
            "Una actriz paró porque tenía fiebre.",
            "Las estrellas alumbran el regreso del equipo.",
            "Órale, jalen todos al centro de salud.",
            "Pucha que se agradece la paciencia.",
            "Parce, lleva el documento y listo.",
            "Pregúntale a tu médica.",
            "Cuando nos vacunamos, cuidamos a los demás.",
            "Me toca el corazón ver tanta ayuda.",
            "Gracias a quienes nos vacunaron.",
            "Nos toca cuidar lo que tenemos.",
            "Cuidemos a nuestros hijos.",
            "La enfermera trata a todos como una madre.",
            "Pregunta como buen vecino y escucha.",
            "Yo diría que vale la pena.",
            "Juntos fuimos capaces.",
            "Me encantaron las palabras de la enfermera.",
            "Acabamos de pasar una pandemia.",
            "De niños a mayores, todos ganan.",
            "Te trataron bien y saliste vacunada.",
        ] {
            assert_eq!(verdict_of(&gate, text), GateVerdict::pass(NAME), "{text}");
        }
    }

    #[test]
    fn a_body_and_a_life_of_its_own_are_shown_to_a_person() {
        let gate = Experience::new(ReviewPolicy::Review).unwrap();
        for text in [
            "Hoy me vacuné y estoy feliz.",
            "Hoy me vacune al fin.",
            "Ya me vacuné, vayan.",
            "Yo me vacuno por los demás.",
            "Me vacunaré mañana.",
            "Me puse la segunda dosis.",
            "Me pusieron la vacuna en el brazo.",
            "Me la aplicaron sin dolor.",
            "Me vacunaron en el parque.",
            "Me pincharon y ni lo sentí.",
            "Me atendió una enfermera amable.",
            "Me dio fiebre una noche.",
            "Me dieron la vacuna gratis.",
            "Me tocó la segunda hoy.",
            "Me duele un poco el hombro.",
            "Me siento mejor que ayer.",
            "Me siento muy cansada.",
            "Mi hija ya está protegida.",
            "Mis hijos van conmigo.",
            "Mi querida abuela me enseñó a cuidarme.",
            "Mi abuela decía que el tiempo cura.",
            "Mi mamá me lleva siempre.",
            "Mis viejos ya tienen turno.",
            "Mi vieja está chocha.",
            "Mi vecina me avisó.",
            "Mi mejor amiga trabaja ahí.",
            "Mi esposo y yo fuimos.",
            "Mi perro me espera.",
            "En mi casa todos se cuidan.",
            "Mi barrio tiene puesto nuevo.",
            "Mi segunda dosis fue rápida.",
            "Mi turno es mañana.",
            "Mi brazo quedó bien.",
            "Tengo fiebre y sigo en cama.",
            "Tengo un poco de tos.",
            "Tengo treinta y dos años.",
            "Tengo 40 años y sigo de pie.",
            "Tengo dos hijos preciosos.",
            "Cumplí veinte años ayer.",
            "Estoy vacunada desde enero.",
            "Estoy en la fila con paciencia.",
            "Estoy haciendo cola, qué frío.",
            "Estoy esperando mi turno.",
            "Soy enfermera y lo veo a diario.",
            "Soy mamá de tres.",
            "Soy colombiano y me cuido.",
            "Nací en un pueblo pequeño.",
            "Crecí entre montañas.",
            "Vivo en el centro.",
            "Cuando era niña hacía fila.",
            "Cuando me enfermé me cuidaron.",
            "Cuando estaba enfermo nadie venía.",
            "Trabajo en un hospital.",
            "Ayer fui al puesto.",
            "Ayer fuimos todos juntos.",
            "Anoche dormí tranquila.",
            "Hoy salí temprano y llegué primero.",
            "Yo viví la espera.",
            "Fui con mi gorra.",
            "Vine por el refuerzo.",
            "Estuve dos horas ahí.",
            "Llevo tres meses esperando.",
            "He perdido amigos.",
            "Me he vacunado dos veces.",
            "Acabo de llegar del centro de salud.",
            "Vengo de vacunar a la familia.",
            "Voy a vacunarme hoy.",
            "Quiero ponerme el refuerzo.",
            "Me voy a vacunar el lunes.",
            "Voy al médico mañana.",
            "Perdí a un amigo por esto.",
            "Acompañé a una vecina.",
            "Esperé en la sombra y valió la pena.",
            "Lloré de alegría.",
            "Abracé a todos al salir.",
            "Me pongo el tapabocas y salgo.",
            "Me contagié en la fiesta.",
            "Me enfermé feo, wey.",
            "¿Saben qué? Hoy me vacuné.",
            "Ya me vacuné, ¿y tú?",
            "No me arrepiento de haberme vacunado.",
            "Ya nos vacunamos y qué alegría.",
            "Nos vacunamos todos el sábado.",
            "Nos pusimos el refuerzo ayer.",
            "El lunes nos vacunamos en familia.",
            "Me acabo de vacunar y estoy feliz.",
            "Acabo de ponerme el refuerzo.",
            "Acabamos de vacunarnos en el parque.",
            "Me van a vacunar en la tarde.",
            "Mañana me toca el refuerzo.",
            "Me falta la segunda dosis.",
            "Llevo dos dosis y contando.",
            "Tengo todas las vacunas.",
            "Nos pusimos la vacuna en familia.",
            "Ya nos vacunaron en el barrio.",
            "Nuestra hija recibió la vacuna.",
            "Nuestro pequeño nieto no lloró.",
            "Nuestros hijos ya se vacunaron.",
            "Nosotros fuimos temprano y no había fila.",
            "Fuimos al puesto temprano.",
            "De niña le tenía miedo a la aguja.",
            "Yo también creía que dolía.",
            "Me daba miedo la aguja.",
            "En el IMSS me trataron de lujo.",
            "Una doctora me explicó todo.",
            "En el IMSS salí vacunada en veinte minutos.",
            "Recibí la vacuna hace dos semanas.",
            "Como médica, te recomiendo ir.",
            "Como madre creo que vale la pena.",
            "Les hablo como enfermera.",
            "Mi experiencia con la vacuna fue buena.",
            "Mis pacientes preguntan mucho.",
        ] {
            assert_eq!(verdict_of(&gate, text).verdict, Verdict::Review, "{text}");
        }
    }

    #[test]
    fn the_reason_quotes_the_words_and_the_policy_decides() {
        assert!(Experience::new(ReviewPolicy::Allow).is_none());
        let strict = Experience::new(ReviewPolicy::Reject).unwrap();
        let expected = GateVerdict::new(NAME, Verdict::Reject, "a bot has no family, home or past: “mi hija”");
        assert_eq!(verdict_of(&strict, "Hoy cuido a mi hija."), expected);
    }
}
