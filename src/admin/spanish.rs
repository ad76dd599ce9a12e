//! The program's own sentences in Spanish: why a gate objects, why nothing goes out, why a round led to nothing.
//!
//! The record has them in English, and it is the record that counts. Here each is recognised by its fixed words, and its
//! variable parts are put into the Spanish sentence; this also works for rows of earlier versions. A sentence that is not in the list is
//! shown as it is on record, and so is what X or a person said.

/// Sentences: `{}` stands for a part that stays as it is, `{t}` for one of [`TERMS`], `{s}` for a sentence of its own.
const SENTENCES: &[(&str, &str)] = &[
    // length, broken_text
    ("the text is empty", "el texto está vacío"),
    ("weighted length {} is {} over X's {}", "mide {} caracteres según X, {} más de los {} que permite"),
    (
        "it contains a character that X does not accept (U+FFFE, U+FFFF or U+FEFF)",
        "contiene un carácter que X no acepta (U+FFFE, U+FFFF o U+FEFF)",
    ),
    (
        "it contains U+FFFD, a character that could not be decoded",
        "contiene U+FFFD, un carácter que no se pudo descodificar",
    ),
    ("it contains the invisible or control character {}", "contiene el carácter invisible o de control {}"),
    ("it contains an accent without a letter, {}", "contiene un acento sin letra, {}"),
    ("it contains no letters", "no contiene letras"),
    ("it is nothing but hashtags, mentions or links", "solo tiene etiquetas, menciones o enlaces"),
    ("the model added nothing to the prompt", "el modelo no añadió nada a la frase inicial"),
    // language
    ("it is written in {} letters: {}", "está escrito con letras de otro alfabeto ({}): {}"),
    ("it reads as {t}, not Spanish: {}", "parece {t}, no español: {}"),
    // cashtags, hashtags, message, mentions, urls
    ("names a stock: {}", "nombra una acción de bolsa: {}"),
    ("{} cashtags, but X allows only one: {}", "{} símbolos de bolsa, y X solo permite uno: {}"),
    ("{} hashtags, at most {} allowed: {}", "{} etiquetas, y se permiten {} como máximo: {}"),
    ("{} is in gates.forbidden_hashtags", "{} está en gates.forbidden_hashtags"),
    ("{} stands for {}, but sentiment.target is {}", "{} representa «{}», pero sentiment.target es «{}»"),
    ("{} is not in gates.allowed_hashtags", "{} no está en gates.allowed_hashtags"),
    ("mentions {}", "menciona a {}"),
    ("links to {}", "enlaza a {}"),
    // banned_words, repetition, cut_sentence
    ("it contains the banned word {}", "contiene la palabra prohibida {}"),
    ("a laugh of {} letters", "una risa de {} letras"),
    ("only {} % of its {} words are distinct", "solo el {} % de sus {} palabras son distintas"),
    ("only {} % of its word pairs are distinct", "solo el {} % de sus pares de palabras son distintos"),
    ("“{}” {} times or more in a row", "«{}» {} o más veces seguidas"),
    ("“{}” {} times in a row", "«{}» {} veces seguidas"),
    ("“{}” three times", "«{}» tres veces"),
    ("“{}” is never closed", "«{}» no se cierra"),
    ("a quotation mark is never closed", "unas comillas no se cierran"),
    ("it ends in “{}”: {}", "termina en «{}»: {}"),
    (
        "the model reached a limit in the middle of a sentence: {}",
        "el modelo llegó a un límite en mitad de una frase: {}",
    ),
    ("no sentence ends in “{}”: {}", "ninguna frase termina en «{}»: {}"),
    // verbatim, near_duplicate
    (
        "{} words in a row from a text that the model was trained on: {}",
        "{} palabras seguidas de un texto con el que se entrenó el modelo: {}",
    ),
    ("the same as a text that the model was trained on: {}", "igual a un texto con el que se entrenó el modelo: {}"),
    (
        "{} % like a whole text that the model was trained on: {}",
        "se parece en un {} % a un texto entero con el que se entrenó el modelo: {}",
    ),
    ("the same text was already posted: {}", "ya se publicó el mismo texto: {}"),
    ("{} % like an earlier post: {}", "se parece en un {} % a una publicación anterior: {}"),
    // claims, experience, sentiment
    ("it contains {t}: {}", "contiene {t}: {}"),
    ("a bot has no {t}: {}", "un bot no tiene {t}: {}"),
    ("{} {} is below sentiment.min_score {}", "«{}» {}, por debajo de sentiment.min_score {}"),
    // why a round led to nothing
    ("the model wrote no candidate", "el modelo no escribió ningún candidato"),
    ("none of 1 candidate passed; stopped by {}", "el único candidato no pasó los filtros: {}"),
    ("none of {} candidates passed; stopped by {}", "ninguno de {} candidatos pasó los filtros: {}"),
    (
        "something like the chosen text was approved while the round ran: {s}",
        "mientras duraba la ronda se aprobó algo parecido al texto elegido: {s}",
    ),
    ("no candidates: {}", "no hubo candidatos: {}"),
    ("the candidates could not be judged: {}", "no se pudo juzgar a los candidatos: {}"),
    ("the choice could not be recorded: {}", "no se pudo registrar la elección: {}"),
    ("the record could not be read or written: {}", "no se pudo leer o escribir el registro: {}"),
    (
        "missed: the program was down, asleep or busy at the time",
        "perdido: a esa hora el programa estaba parado, dormido u ocupado",
    ),
    (
        "missed, as were {} before it: the program was down, asleep or busy at the time",
        "perdido, como {} antes: a esa hora el programa estaba parado, dormido u ocupado",
    ),
    (
        "missed, as was 1 before it: the program was down, asleep or busy at the time",
        "perdido, como 1 antes: a esa hora el programa estaba parado, dormido u ocupado",
    ),
    (
        "not served: the schedule was changed while this slot waited for its jitter",
        "sin servir: el horario cambió mientras este turno esperaba su margen",
    ),
    // why nothing goes out
    ("{s}; the next post may go out at {}", "{s}; lo siguiente puede salir el {}"),
    ("budget.posts_per_month ({}) is used up", "se agotó budget.posts_per_month ({})"),
    ("budget.posts_per_day ({}) is used up", "se agotó budget.posts_per_day ({})"),
    ("budget.usd_per_month ({}) is used up", "se agotó budget.usd_per_month ({})"),
    ("X's limit ({}) is used up", "se agotó el límite de X ({})"),
    ("publish.min_gap has not passed since the last post", "no ha pasado publish.min_gap desde la última publicación"),
    ("schedule.quiet_hours: nothing is posted now", "schedule.quiet_hours: ahora no se publica"),
    ("an earlier attempt set this wait", "un intento anterior fijó esta espera"),
    ("paused by {} since {}: no reason given", "en pausa por {} desde {}, sin motivo"),
    ("paused by {} since {}: {}", "en pausa por {} desde {}: {}"),
    ("stopped by X since {}: {s}", "X no acepta publicaciones desde {}: {s}"),
    ("stopped since {}: {s}", "detenido desde {}: {s}"),
    ("X refused with {} ({t}): {}", "X respondió {} ({t}): {}"),
    ("it is unknown whether X published it: {}", "no se sabe si X lo publicó: {}"),
    ("the request never reached X: {}", "la petición no llegó a X: {}"),
    (
        "the credentials belong to @{}, but account.handle is @{}: correct account.handle, or log the bot in to its own account \
         (`pregonero auth login`)",
        "las credenciales son de @{}, pero account.handle es @{}: corrige account.handle o inicia la sesión del bot en su cuenta \
         (`pregonero auth login`)",
    ),
    (
        "{}: only {} bytes are free on this disk: nothing is posted until there is room to record it",
        "{}: en este disco solo quedan {} bytes: no se publica nada hasta que haya sitio para registrarlo",
    ),
    // what the program decided on a post
    ("it was made for @{}, but account.handle is now @{}", "se hizo para @{}, pero account.handle es ahora @{}"),
    ("it was made in a dry run, but posts now go out", "se hizo en un ensayo, pero ahora se publica de verdad"),
    (
        "it was made by an earlier version, which did not record whether it was a dry run",
        "lo hizo una versión anterior, que no registraba si era un ensayo",
    ),
    ("it was made to be posted, but this is now a dry run", "se hizo para publicarse, pero ahora esto es un ensayo"),
    (
        "the timeline does not show it; it was restored from a backup, so it is never sent again",
        "la cronología no lo muestra; viene de una copia restaurada, así que no se vuelve a enviar",
    ),
    (
        "X calls it a duplicate, but the timeline does not show it: check the account",
        "X dice que es un duplicado, pero la cronología no lo muestra: mira la cuenta",
    ),
    ("X did not publish it, twice", "X no lo publicó, dos veces"),
    ("X did not publish it: the timeline does not show it", "X no lo publicó: la cronología no lo muestra"),
    // what a person typed, and links
    ("{t}: expected at most {} characters, found {}", "{t}: se admiten {} caracteres como máximo, y hay {}"),
    ("{t}: expected at most {}, found {}", "{t}: se admiten {} como máximo, y hay {}"),
    ("{t}: expected one line, found a line break", "{t}: tiene que ir en una línea"),
    (
        "{t}: it contains {}, a character that cannot be seen: leave it out",
        "{t}: contiene {}, un carácter que no se ve: quítalo",
    ),
    ("{t}: it is empty: to stop the post, reject it", "{t}: está vacío: para que no salga, descártalo"),
    ("{t}: it is empty: say who decides (--by NAME)", "{t}: está vacío: di quién decide"),
    ("this link is not one of ours", "este enlace no es de aquí"),
    ("this link was used already", "este enlace ya se usó"),
    ("this link has expired", "este enlace ha caducado"),
    (
        "this link is out of date: the post was decided on, or its text was changed",
        "este enlace ya no vale: ya se decidió sobre la publicación, o su texto cambió",
    ),
];

/// Words inside sentences.
const TERMS: &[(&str, &str)] = &[
    ("text decoded with the wrong character set", "texto leído con otra codificación"),
    ("a control token", "una marca interna del modelo"),
    ("a placeholder from the training data", "un relleno de los datos de entrenamiento"),
    ("a fragment of JSON", "un trozo de JSON"),
    ("a fragment of code", "un trozo de código"),
    ("a percentage", "un porcentaje"),
    ("a possible phone number", "un posible número de teléfono"),
    ("a sum of money", "una suma de dinero"),
    ("a date", "una fecha"),
    ("a day", "un día"),
    ("a figure", "una cifra"),
    ("a number of victims", "un número de víctimas"),
    ("the name of a medicine or brand", "el nombre de un medicamento o una marca"),
    ("a statement attributed to someone", "una afirmación atribuida a alguien"),
    ("family, home or past", "familia, casa ni pasado"),
    ("body", "cuerpo"),
    ("everyday life", "vida cotidiana"),
    ("the reviewer's name", "el nombre"),
    ("the reviewer's role", "el rol"),
    ("the name", "el nombre"),
    ("the reason", "el motivo"),
    ("a source", "una fuente"),
    ("the sources", "las fuentes"),
    ("the text", "el texto"),
    ("the note", "la nota"),
    ("English", "inglés"),
    ("Portuguese", "portugués"),
    ("French", "francés"),
    ("Italian", "italiano"),
    ("Catalan", "catalán"),
    ("German", "alemán"),
    ("the request was invalid", "la petición no era válida"),
    ("keys or tokens not accepted", "no acepta las claves; crea otras en console.x.com"),
    ("this machine's clock is off", "el reloj de esta máquina va mal"),
    ("no credits left", "no quedan créditos; cómpralos en console.x.com"),
    ("a duplicate of an earlier post", "duplicado de una publicación anterior"),
    ("no permission to write", "sin permiso de escritura"),
    ("this way of signing may not post", "esta forma de firmar no puede publicar"),
    ("the account is suspended or locked", "la cuenta está suspendida o bloqueada"),
    ("not permitted", "no permitido"),
    ("no such address", "no existe esa dirección"),
    ("a page from something between here and X", "una página de algo que está entre esta máquina y X"),
    ("for another reason", "por otro motivo"),
];

/// Returns the sentence in Spanish; `None` if it is none of ours.
#[must_use]
pub fn in_spanish(sentence: &str) -> Option<String> {
    let whole = || SENTENCES.iter().find_map(|(english, spanish)| Some(filled(spanish, &parts(english, sentence)?)));
    let spanish = in_several(sentence).or_else(whole);
    spanish.map(|spanish| spanish.replace(" (for review)", " (a revisión)"))
}

/// Returns several sentences of one gate in Spanish, if all of them are ours.
fn in_several(sentences: &str) -> Option<String> {
    let (first, rest) = sentences.split_once("; ")?;
    Some(format!("{}; {}", in_spanish(first)?, in_spanish(rest)?))
}

/// A variable part of a sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Slot {
    AsItIs,
    Term,
    Sentence,
}

/// Splits a pattern into its fixed words and what is between them.
fn pieces(pattern: &str) -> (Vec<&str>, Vec<Slot>) {
    let (mut fixed, mut slots, mut rest) = (Vec::new(), Vec::new(), pattern);
    while let Some(start) = rest.find('{') {
        let end = start + rest[start..].find('}').expect("a pattern written here closes its braces");
        fixed.push(&rest[..start]);
        slots.push(match &rest[start + 1..end] {
            "t" => Slot::Term,
            "s" => Slot::Sentence,
            _ => Slot::AsItIs,
        });
        rest = &rest[end + 1..];
    }
    fixed.push(rest);
    (fixed, slots)
}

/// Returns the variable parts of a sentence that fits the pattern, in Spanish where they are ours.
fn parts(pattern: &str, sentence: &str) -> Option<Vec<String>> {
    let (fixed, slots) = pieces(pattern);
    let mut rest = sentence.strip_prefix(fixed[0])?;
    let mut parts = Vec::new();
    for (number, slot) in slots.iter().enumerate() {
        let next = fixed[number + 1];
        let is_last = number + 1 == slots.len();
        let length = match (is_last, next) {
            (true, _) => rest.strip_suffix(next)?.len(),
            (false, next) => rest.find(next)?,
        };
        let part = &rest[..length];
        parts.push(match slot {
            Slot::AsItIs => part.to_owned(),
            Slot::Term => TERMS.iter().find(|(english, _)| *english == part)?.1.to_owned(),
            // What X said stays in X's words.
            Slot::Sentence => in_spanish(part).unwrap_or_else(|| part.to_owned()),
        });
        rest = &rest[length + next.len()..];
    }
    (rest.is_empty() && parts.iter().all(|part| !part.is_empty())).then_some(parts)
}

fn filled(pattern: &str, parts: &[String]) -> String {
    let (fixed, slots) = pieces(pattern);
    debug_assert_eq!(slots.len(), parts.len(), "both languages have the same parts: {pattern}");
    let mut sentence = fixed[0].to_owned();
    for (part, words) in parts.iter().zip(&fixed[1..]) {
        sentence.push_str(part);
        sentence.push_str(words);
    }
    sentence
}

#[cfg(test)]
mod tests {
    use super::*;
    use pregonero_judging::gates::{EntityPolicy, GateSettings, Gates, Recent, Resources, ReviewPolicy, Subject};
    use pregonero_tweet::Verdict;

    #[test]
    fn both_languages_have_the_same_parts_in_the_same_order() {
        for (english, spanish) in SENTENCES {
            assert_eq!(pieces(english).1, pieces(spanish).1, "{english}");
        }
    }

    #[test]
    fn sentences_are_told_in_spanish_with_what_they_quote() {
        for (english, spanish) in [
            ("the text is empty", "el texto está vacío"),
            ("it contains a figure: “300 libros”", "contiene una cifra: “300 libros”"),
            ("a bot has no body: “mi mano”", "un bot no tiene cuerpo: “mi mano”"),
            ("it contains the banned word “feo: muy”", "contiene la palabra prohibida “feo: muy”"),
            ("“hola hola” 3 times in a row", "«hola hola» 3 veces seguidas"),
            ("“¡” 4 times or more in a row", "«¡» 4 o más veces seguidas"),
            (
                "70 % like an earlier post: “una feria; en la plaza”",
                "se parece en un 70 % a una publicación anterior: “una feria; en la plaza”",
            ),
            (
                "8 words in a row from a text that the model was trained on: “a”; the same as a text that the model was \
                 trained on: “b”",
                "8 palabras seguidas de un texto con el que se entrenó el modelo: “a”; igual a un texto con el que se entrenó el \
                 modelo: “b”",
            ),
            (
                "positive 0.42 is below sentiment.min_score 0.60",
                "«positive» 0.42, por debajo de sentiment.min_score 0.60",
            ),
            (
                "none of 16 candidates passed; stopped by claims 3 (for review), length 1",
                "ninguno de 16 candidatos pasó los filtros: claims 3 (a revisión), length 1",
            ),
            (
                "stopped by X since 2026-03-01 14:00:00 UTC: X refused with 402 (no credits left): Payment Required",
                "X no acepta publicaciones desde 2026-03-01 14:00:00 UTC: X respondió 402 (no quedan créditos; cómpralos en \
                 console.x.com): Payment Required",
            ),
            (
                "budget.posts_per_day (3) is used up; the next post may go out at Mon 2026-03-02 00:00:00 -05",
                "se agotó budget.posts_per_day (3); lo siguiente puede salir el Mon 2026-03-02 00:00:00 -05",
            ),
        ] {
            assert_eq!(in_spanish(english).as_deref(), Some(spanish));
        }
        for other in ["", "dull", "it contains a bear: “x”", "the text is empty.", "Forbidden"] {
            assert_eq!(in_spanish(other), None, "{other}");
        }
    }

    /// Every objection that these texts draw has its words in Spanish, so a new sentence of a gate fails here once a text
    /// is added that draws it.
    #[test]
    fn what_the_gates_say_is_told_in_spanish() {
        let texts = [
            "",
            "🤖 🤖",
            "#feria @ana",
            "Hoy",
            "@ana mira ejemplo.co",
            "$ABC sube",
            "$ABC $XYZ suben",
            "#a #b #c #d #e #f feria",
            "hola hola hola",
            "jajajajajajajajajajajajajajajajaja qué risa",
            "Murieron 500 personas según la OMS",
            "El 20 % de la gente baila",
            "Llama al 300 123 45 67",
            "Cuesta 300 pesos",
            "El 3 de marzo hay feria",
            "Mi mano duele",
            "Mi mamá me espera en casa",
            "Ayer fui a la plaza y compré pan",
            "Hay una feria en la",
            "Dijo: «hay una feria",
            "Hay una (feria",
            "The market opens early and the people are happy today",
            "Рынок открывается рано утром сегодня",
            "Ã¡rbol <|endoftext|> {\"a\": 1}",
            "ho\u{200b}la feria",
            "a \u{fffd} b",
            "null {",
            "Una feria en la plaza del pueblo, con música y baile.",
            "La idiota feria",
            "uno dos tres cuatro uno dos tres cinco uno dos tres seis",
            "noooooooooooo",
            "según el Ministerio de Salud",
            "Vivo en Bogotá",
        ];
        let settings = GateSettings {
            mentions: EntityPolicy::Reject,
            urls: EntityPolicy::Reject,
            max_hashtags: 3,
            allowed_hashtags: vec!["feria".to_owned()],
            forbidden_hashtags: vec!["a".to_owned()],
            banned_words_file: None,
            near_duplicate: 0.6,
            near_duplicate_days: 90,
            verbatim_tokens: 12,
            own_texts: 0.8,
            claims: ReviewPolicy::Review,
            experience: ReviewPolicy::Review,
            off: Vec::new(),
        };
        let gates = Gates::new(&settings, Resources::default()).unwrap();
        let recent =
            Recent::new(["Una feria en la plaza del pueblo, con música y baile.", "La feria del pueblo de la plaza"]);
        let mut sentences = std::collections::BTreeSet::new();
        for text in texts {
            let subject = Subject { text, body: text, candidate: None, prompt: "Hoy", own_text: None };
            for verdict in gates.verdicts(&subject, &recent) {
                if verdict.verdict != Verdict::Pass {
                    let told = in_spanish(&verdict.reason);
                    assert!(told.is_some(), "{}: {}", verdict.gate, verdict.reason);
                    sentences.insert(verdict.gate);
                }
            }
        }
        assert!(sentences.len() >= 12, "{sentences:?}");
    }
}
