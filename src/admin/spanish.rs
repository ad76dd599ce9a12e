//! The program's own sentences in Spanish: why a gate objects, why nothing goes out, why a round led to nothing.
//!
//! The record has them in English, and it is the record that counts. Here each is recognised by its fixed words, and its
//! variable parts are put into the Spanish sentence; this also works for rows of earlier versions. A sentence that is not in the list is
//! shown as it is on record, and so is what X or a person said.

/// Sentences: `{}` is a part that stays as it is, `{t}` is one of [`TERMS`], `{s}` a sentence of its own.
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
    // cashtags, hashtags, message, contrary, mentions, urls
    ("names a stock: {}", "nombra una acción de bolsa: {}"),
    ("{} cashtags, but X allows only one: {}", "{} símbolos de bolsa, y X solo permite uno: {}"),
    ("{} hashtags, at most {} allowed: {}", "{} etiquetas, y se permiten {} como máximo: {}"),
    ("{} is in gates.forbidden_hashtags", "{} está en gates.forbidden_hashtags"),
    ("{} stands for {}, but sentiment.target is {}", "{} representa «{}», pero sentiment.target es «{}»"),
    (
        "{} mixes letters of two alphabets, so it is not what it looks like",
        "{} mezcla letras de dos alfabetos, así que no es lo que parece",
    ),
    ("{} is not in gates.allowed_hashtags", "{} no está en gates.allowed_hashtags"),
    ("it speaks against vaccination or protection: {}", "habla en contra de la vacunación o de protegerse: {}"),
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
    ("“{}” on both sides of “{}”", "«{}» a ambos lados de «{}»"),
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
    ("no candidates: {s}", "no hubo candidatos: {s}"),
    (
        "engine.files are not the files of the server's model: it reads text with another tokenizer; name the right ones, or leave out \
         the attribute {}",
        "engine.files no son los archivos del modelo del servidor, que lee el texto con otro tokenizador; indica los correctos, o quita \
         el atributo {}",
    ),
    ("the engine has stopped", "el generador se ha parado"),
    ("generation failed: {}", "la generación falló: {}"),
    (
        "generating needs {} MiB of memory, but only {} MiB are free",
        "generar necesita {} MiB de memoria, y solo hay {} MiB libres",
    ),
    (
        "prompt and attributes take {} tokens, but the model reads at most {} and needs one to write: shorten them",
        "la frase inicial y los atributos ocupan {} tokens, pero el modelo lee {} como máximo y necesita uno para escribir: \
         acórtalos",
    ),
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
        "not served: the schedule was changed while this slot waited for its jitter",
        "sin servir: el horario cambió mientras este turno esperaba su margen",
    ),
    (
        "not served: the record could not be written at the time: {}",
        "sin servir: en ese momento no se pudo escribir el registro: {}",
    ),
    ("not served: {s}", "sin servir: {s}"),
    // why nothing goes out
    (
        "the generation server is away, and no generation.fallback stands in: {s}",
        "el servidor del generador no responde, y no hay generation.fallback que lo sustituya: {s}",
    ),
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
    ("X refused with {} ({t}): {}", "X rechazó la petición con {} ({t}): {}"),
    ("buy credits at console.x.com", "compra créditos en console.x.com"),
    ("create new keys and tokens at console.x.com", "crea otras claves y otros tokens en console.x.com"),
    (
        "give the app Read and Write at console.x.com, then create new access tokens",
        "da a la app el permiso Read and Write en console.x.com y después crea otros tokens de acceso",
    ),
    ("log in to the account and follow what X says there", "inicia sesión en la cuenta y haz lo que X diga allí"),
    ("set this machine's clock (NTP)", "pon en hora el reloj de esta máquina (NTP)"),
    (
        "check that publish.base_url is right and that X still offers this version of its API",
        "comprueba que publish.base_url sea correcto y que X todavía ofrezca esta versión de su API",
    ),
    ("an earlier call may have posted it", "puede que una llamada anterior lo publicara"),
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
    // alerts
    (
        "nothing is posted until this is fixed and new credentials are in place or `pregonero resume` is run",
        "no se publica nada hasta que se arregle y haya otras credenciales o se ejecute `pregonero resume`",
    ),
    (
        "it is unknown whether post {} went out: check the account; `pregonero history show {}` shows what was tried",
        "no se sabe si salió la publicación {}: mira la cuenta; `pregonero history show {}` muestra lo que se intentó",
    ),
    (
        "X's monthly cap is used up; the next try is at {}",
        "se agotó el límite mensual de X; el próximo intento es el {}",
    ),
    ("no post for {} slots (there never was one)", "ninguna publicación en {} turnos (nunca hubo una)"),
    ("no post for {} slots (the last one: {})", "ninguna publicación en {} turnos (la última: {})"),
    ("the last slot: {s}", "el último turno: {s}"),
    // what came of the last round
    ("post {} recorded, nothing sent (dry run)", "publicación {} registrada, no se envió nada (ensayo)"),
    ("post {} sent as tweet {}", "publicación {} enviada como tweet {}"),
    ("post {} waits for a person", "la publicación {} espera a una persona"),
    ("post {} goes out at the next start", "la publicación {} sale al próximo arranque"),
    ("round {} was abandoned", "la ronda {} se abandonó"),
    ("round {}: {s}", "ronda {}: {s}"),
    ("post {}: X refused with {} ({t}): {}", "publicación {}: X la rechazó con {} ({t}): {}"),
    (
        "post {}: it is unknown whether X published it: {}; the account's timeline will show whether it did",
        "publicación {}: no se sabe si X la publicó: {}; la cronología de la cuenta lo mostrará",
    ),
    ("post {} waits until {}: {s}", "la publicación {} espera hasta el {}: {s}"),
    ("post {} waits: {s}", "la publicación {} espera: {s}"),
    ("post {} is `{}`: it can no longer be sent", "la publicación {} está en `{}`: ya no se puede enviar"),
    ("nothing was sent", "no se envió nada"),
    (
        "post {}: cannot record the outcome of the call ({})",
        "publicación {}: no se pudo registrar el resultado de la llamada ({})",
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
    ("{t}: it is empty: say why the post is stopped", "{t}: está vacío: di por qué no debe salir"),
    ("{t}: it is empty: say who decides (--by NAME)", "{t}: está vacío: di quién decide"),
    ("post {} is `{}`: it cannot become `{}`", "la publicación {} está en `{}` y no puede pasar a `{}`"),
    ("post {} expired at {}: it can no longer be approved", "la publicación {} caducó el {}: ya no se puede aprobar"),
    ("this link is not one of ours", "este enlace no es de aquí"),
    ("this link was used already", "este enlace ya se usó"),
    ("this link has expired", "este enlace ha caducado"),
    (
        "this link is out of date: the post was decided on, or its text was changed",
        "este enlace ya no vale: ya se decidió sobre la publicación, o su texto cambió",
    ),
    ("this link was used already, has expired, or is out of date", "este enlace ya se usó, ha caducado o ya no vale"),
    // why a model wrote nothing
    (
        "generation.strategy: beam needs a model on this machine; choose sample or greedy for a model on a server",
        "generation.strategy: beam necesita un modelo en esta máquina; elige sample o greedy para un modelo en un servidor",
    ),
    (
        "attribute {} is given, but the model was trained without attributes: leave it out, train a model with \
         `train generator --control`, or declare the control tokens of one trained elsewhere with `models control`",
        "se da el atributo {}, pero el modelo se entrenó sin atributos: quítalo, entrena un modelo con \
         `train generator --control`, o declara las marcas de uno entrenado en otra parte con `models control`",
    ),
    (
        "the model knows no attribute {}; it was trained with {}",
        "el modelo no conoce el atributo {}; se entrenó con {}",
    ),
    (
        "{} knows no value {}; the model was trained with {}; leave it empty for any",
        "{} no tiene el valor {}; el modelo se entrenó con {}; déjalo vacío para cualquiera",
    ),
    (
        "{t} contains {}, which is a special token of the model: take it out",
        "{t} contiene {}, que es una marca interna del modelo: quítala",
    ),
    (
        "{} contains {}, which is a special token of the model: take it out",
        "{} contiene {}, que es una marca interna del modelo: quítala",
    ),
    // why a generator's server wrote nothing
    ("{}: cannot be reached: {}", "{}: no se puede contactar con él: {}"),
    ("is the server running, and is the address right?", "¿está en marcha el servidor, y es correcta la dirección?"),
    (
        "failure {} in a row, and this program leaves it alone for {} s (engine.pause, Retry-After)",
        "van {} fallos seguidos, y este programa no le pregunta durante {} s (engine.pause, Retry-After)",
    ),
    (
        "{}: no complete answer within {} s (engine.timeout)",
        "{}: no llegó una respuesta completa en {} s (engine.timeout)",
    ),
    ("{}: refuses with {}: {}", "{}: se niega con {}: {}"),
    (
        "redirects are not followed: write the address that it leads to in generation.model",
        "no se siguen las redirecciones: escribe en generation.model la dirección a la que lleva",
    ),
    (
        "check the key: GENERATION_API_KEY, GENERATION_API_KEY_FILE or the credential generation_api_key",
        "comprueba la clave: GENERATION_API_KEY, GENERATION_API_KEY_FILE o la credencial generation_api_key",
    ),
    (
        "check the address in generation.model: it ends in /v1 with most servers",
        "comprueba la dirección en generation.model: con la mayoría de los servidores termina en /v1",
    ),
    (
        "{}: has no model {}; it has {}: write one of them after the # in generation.model",
        "{}: no tiene el modelo {}; tiene {}: escribe uno de ellos después del # en generation.model",
    ),
    (
        "{}: has several models ({}): write one of them after a # in generation.model",
        "{}: tiene varios modelos ({}): escribe uno de ellos después de un # en generation.model",
    ),
    (
        "{}: lists no model: write the name of one after a # in generation.model",
        "{}: no nombra ningún modelo: escribe el nombre de uno después de un # en generation.model",
    ),
    (
        "{}: GENERATION_API_KEY would cross a public network unencrypted: use https, a server in a private network, or no key",
        "{}: GENERATION_API_KEY pasaría sin cifrar por una red pública: usa https, un servidor en una red privada, o ninguna clave",
    ),
    ("{}: its answer is longer than {} MiB", "{}: su respuesta pasa de {} MiB"),
    ("{}: its answer broke off: {}", "{}: su respuesta se cortó: {}"),
    (
        "{}: its answer is JSON that ends in the middle, after {} bytes",
        "{}: su respuesta es JSON que termina a la mitad, tras {} bytes",
    ),
    ("{}: its answer is not JSON ({}); it begins with {}", "{}: su respuesta no es JSON ({}); empieza con {}"),
    (
        "{}: answers with a page for people where JSON was expected ({}): another program, or a proxy, is at this address",
        "{}: responde con una página para personas donde se esperaba JSON ({}): en esa dirección hay otro programa, o un proxy",
    ),
    (
        "{}: its answer has no list of choices: does it speak OpenAI's /v1/completions?",
        "{}: su respuesta no tiene lista de opciones: ¿habla /v1/completions de OpenAI?",
    ),
    ("{}: its answer has an empty list of choices", "{}: la lista de opciones de su respuesta está vacía"),
    (
        "{}: choices[{}]: a chat message where a text was expected: the server must offer /v1/completions",
        "{}: choices[{}]: un mensaje de chat donde se esperaba un texto: el servidor tiene que ofrecer /v1/completions",
    ),
    (
        "{}: choices[{}]: finish_reason is {}: the server gave up on the text",
        "{}: choices[{}]: finish_reason es {}: el servidor abandonó el texto",
    ),
    ("{}: choices[{}]: finish_reason is {t}", "{}: choices[{}]: finish_reason {t}"),
    ("{}: choices[{}]: its text is {t}", "{}: choices[{}]: su texto {t}"),
    (
        "cannot set up HTTP: {}; are the root certificates (ca-certificates) installed?",
        "no se puede preparar HTTP: {}; ¿están instalados los certificados raíz (ca-certificates)?",
    ),
    ("{}: answers 200, but with an error: {}", "{}: responde 200, pero con un error: {}"),
    ("{}: answers {}: {}", "{}: responde {}: {}"),
];

/// Words inside sentences.
const TERMS: &[(&str, &str)] = &[
    ("text decoded with the wrong character set", "texto leído con otra codificación"),
    ("a control token", "una marca interna del modelo"),
    ("markup", "marcas de formato"),
    ("a placeholder from the training data", "un relleno de los datos de entrenamiento"),
    ("a fragment of JSON", "un trozo de JSON"),
    ("a fragment of code", "un trozo de código"),
    ("a percentage", "un porcentaje"),
    ("a possible phone number", "un posible número de teléfono"),
    ("a sum of money", "una suma de dinero"),
    ("a date", "una fecha"),
    ("an announced event", "el anuncio de un acto"),
    ("a promise", "una promesa"),
    ("a day", "un día"),
    ("a figure", "una cifra"),
    ("a number of victims", "un número de víctimas"),
    ("the name of a medicine or brand", "el nombre de un medicamento o una marca"),
    ("a statement attributed to someone", "una afirmación atribuida a alguien"),
    ("family, home or past", "familia, casa ni pasado"),
    ("body", "cuerpo"),
    ("age", "edad"),
    ("everyday life", "vida cotidiana"),
    ("the reviewer's name", "el nombre"),
    ("the reviewer's role", "el rol"),
    ("the name", "el nombre"),
    ("the reason", "el motivo"),
    ("a source", "una fuente"),
    ("the sources", "las fuentes"),
    ("the text", "el texto"),
    ("the prompt", "la frase inicial"),
    ("the note", "la nota"),
    ("missing", "falta"),
    ("true or false, not a text", "es verdadero o falso, no un texto"),
    ("a number, not a text", "es un número, no un texto"),
    ("a list, not a text", "es una lista, no un texto"),
    ("an object, not a text", "es un objeto, no un texto"),
    ("English", "inglés"),
    ("Portuguese", "portugués"),
    ("French", "francés"),
    ("Italian", "italiano"),
    ("Catalan", "catalán"),
    ("German", "alemán"),
    ("the request was invalid", "la petición no era válida"),
    ("keys or tokens not accepted", "no acepta las claves o los tokens"),
    ("this machine's clock is off", "el reloj de esta máquina va mal"),
    ("no credits left", "no quedan créditos"),
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
    translated(sentence, false)
}

/// Returns the sentence in Spanish. If it was found inside another sentence (`is_inner`), no sentence is looked for inside it:
/// otherwise a text that repeats the beginning of such a sentence many times would take very long.
fn translated(sentence: &str, is_inner: bool) -> Option<String> {
    let as_written = |(english, spanish): &(&str, &str)| Some(filled(spanish, &parts(english, sentence, is_inner)?));
    // A pattern that begins with a variable part would take the beginning of another sentence for it.
    let begins_fixed = |(english, _): &&(&str, &str)| !english.starts_with('{');
    let fixed = || SENTENCES.iter().filter(begins_fixed).find_map(as_written);
    let open = || SENTENCES.iter().filter(|pair| !begins_fixed(pair)).find_map(as_written);
    let spanish = in_several(sentence, is_inner).or_else(fixed).or_else(open);
    spanish.map(|spanish| spanish.replace(" (for review)", " (a revisión)"))
}

/// Returns several sentences in Spanish, if all of them are ours.
fn in_several(sentences: &str, are_inner: bool) -> Option<String> {
    let (first, rest) = sentences.split_once("; ")?;
    Some(format!("{}; {}", translated(first, are_inner)?, translated(rest, are_inner)?))
}

/// A variable part of a sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Slot {
    AsItIs,
    Term,
    Sentence,
}

/// Splits a pattern into its fixed words and the slots between them.
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
fn parts(pattern: &str, sentence: &str, is_inner: bool) -> Option<Vec<String>> {
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
            Slot::Sentence if is_inner => part.to_owned(),
            Slot::Sentence => translated(part, true).unwrap_or_else(|| part.to_owned()),
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
    use std::path::Path;

    use super::*;
    use crate::config::{self, LoadRequest};
    use pregonero_judging::gates::{GateSettings, Gates, Recent, Resources, Subject};
    use pregonero_models::generation::ServerError;
    use pregonero_tweet::Verdict;
    use pregonero_x::RefusalKind;

    #[test]
    fn both_languages_have_the_same_parts_in_the_same_order() {
        for (english, spanish) in SENTENCES {
            assert_eq!(pieces(english).1, pieces(spanish).1, "{english}");
        }
    }

    #[test]
    fn sentences_are_told_in_spanish_with_what_they_quote() {
        for (english, spanish) in [
            (
                "no candidates: the prompt contains <|endoftext|>, which is a special token of the model: take it out",
                "no hubo candidatos: la frase inicial contiene <|endoftext|>, que es una marca interna del modelo: quítala",
            ),
            (
                "no post for 3 slots (there never was one); the last slot: not served: paused by ana since 14:00: feria",
                "ninguna publicación en 3 turnos (nunca hubo una); el último turno: sin servir: paused by ana since 14:00: feria",
            ),
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
                "stopped by X since 2026-03-01 14:00:00 UTC: X refused with 402 (no credits left): Payment Required; buy credits \
                 at console.x.com",
                "X no acepta publicaciones desde 2026-03-01 14:00:00 UTC: X rechazó la petición con 402 (no quedan créditos): Payment Required; \
                 compra créditos en console.x.com",
            ),
            (
                "something like the chosen text was approved while the round ran: 70 % like an earlier post: “una feria”",
                "mientras duraba la ronda se aprobó algo parecido al texto elegido: se parece en un 70 % a una publicación \
                 anterior: “una feria”",
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

    /// Where the program puts a sentence together, the words that are in its source.
    const COMPOSED: &[(&str, &str)] = &[
        ("none of 1 candidate passed; stopped by {}", "none of {} {} passed; stopped by {}"),
        ("none of {} candidates passed; stopped by {}", "none of {} {} passed; stopped by {}"),
        (
            "missed: the program was down, asleep or busy at the time",
            "missed{}: the program was down, asleep or busy at the time",
        ),
        ("paused by {} since {}: no reason given", "no reason given"),
        ("no post for {} slots (there never was one)", "there never was one"),
        ("no post for {} slots (the last one: {})", "no post for {} slots ({}){}"),
        (
            "this link was used already, has expired, or is out of date",
            "was used already, has expired, or is out of date",
        ),
    ];

    /// The gate has whatlang's names of languages.
    const LANGUAGES: &[&str] = &["English", "Portuguese", "French", "Italian", "Catalan", "German"];

    fn read_into(text: &mut String, folder: &Path) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                read_into(text, &path);
            } else if path.extension().is_some_and(|end| end == "rs") && !path.ends_with("admin/spanish.rs") {
                text.push_str(&std::fs::read_to_string(path).unwrap());
            }
        }
    }

    /// Returns the program's source with its literals in the form of the list.
    fn source() -> String {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut text = String::new();
        read_into(&mut text, &root.join("src"));
        for krate in std::fs::read_dir(root.join("crates")).unwrap() {
            read_into(&mut text, &krate.unwrap().path().join("src"));
        }
        in_one_line(&text)
    }

    /// Returns source with its literals in the form of the list: in one line, `{}` for whatever is put in.
    fn in_one_line(text: &str) -> String {
        let continued = regex::Regex::new(r"\\\n\s*").unwrap();
        let filled = regex::Regex::new(r#"\{[^{}\s"]*\}"#).unwrap();
        filled.replace_all(&continued.replace_all(text, ""), "{}").into_owned()
    }

    /// A sentence that is written otherwise elsewhere would be shown in English: it fails here. One that the program writes
    /// no longer can stay in the list for the rows of earlier versions, if it is named in this test.
    #[test]
    fn every_sentence_and_term_is_one_that_the_program_writes() {
        let source = source();
        for (english, _) in SENTENCES {
            let words = COMPOSED.iter().find(|(composed, _)| composed == english).map_or(*english, |(_, words)| *words);
            let words = words.replace("{s}", "{}").replace("{t}", "{}");
            let words = ["{}: choices[{}]: ", "{}: ", "this link "]
                .iter()
                .find_map(|start| words.strip_prefix(*start))
                .unwrap_or(&words);
            let is_long = |piece: &&str| piece.chars().count() >= 8;
            let is_written = source.contains(words) || {
                let mut long = words.split("{}").filter(is_long).peekable();
                long.peek().is_some() && long.all(|piece| source.contains(piece))
            };
            assert!(is_written, "no part of the program writes: {english}");
        }
        for (english, _) in TERMS {
            let is_written = source.contains(&format!("\"{english}\"")) || LANGUAGES.contains(english);
            assert!(is_written, "no part of the program writes: {english}");
        }
    }

    /// Files whose errors and messages are put on record, or on the page itself: the sources of the generator, its server and its
    /// stand-in, of a round, of publishing and of the alerts. Only literals that match the pattern count.
    const RECORDED: &[(&str, &str)] = &[
        ("crates/models/src/generation/request.rs", ERROR),
        ("crates/models/src/generation/server_error.rs", ERROR),
        ("crates/models/src/generation/control.rs", ERROR),
        ("crates/models/src/generation/remote/http.rs", WHAT),
        ("crates/models/src/generation/remote/answer.rs", WHAT),
        ("src/round.rs", ERROR),
        ("src/publish/error.rs", ERROR),
        ("src/alerts/conditions.rs", MESSAGE),
        ("src/daemon/agenda.rs", REASON),
        ("src/daemon/hindrance.rs", REASON),
        ("src/daemon/outbox.rs", REASON),
        ("src/daemon/telling.rs", OUTCOME),
    ];

    const ERROR: &str = r#"#\[error\(\s*"([^"]+)""#;
    const WHAT: &str = r#""((?:its answer|its text|answers|finish_reason|a chat message) [^"]+)""#;
    const MESSAGE: &str = r#"message: format!\(\s*"([^"]+)""#;
    const REASON: &str = r#"reason(?: =|:) format!\(\s*"([^"]+)""#;
    const OUTCOME: &str = r#"format!\(\s*"((?:post|round) [^"]+)""#;

    /// Recorded in other sentences, which have their words: a post that waits is in the queue.
    const ELSEWHERE: &[&str] = &["post {} waits for a decision until {}: “{}”{}"];

    /// Returns whether the list has a sentence of these words: alone, after the server's name, or as two sentences.
    fn is_told(literal: &str) -> bool {
        let any_part = |pattern: &str| pattern.replace("{s}", "{}").replace("{t}", "{}");
        let literal = literal.trim_end_matches("{}").trim_end();
        let fits = |pattern: &str| {
            let pattern = any_part(pattern);
            let pattern = pattern.trim_end_matches("{}").trim_end();
            [pattern, pattern.trim_start_matches("{}: "), pattern.trim_start_matches("{}: choices[{}]: ")]
                .contains(&literal)
        };
        literal.trim_matches(|character| "{}: ".contains(character)).is_empty()
            || SENTENCES.iter().any(|(english, _)| fits(english))
            || literal.split_once("; ").is_some_and(|(first, rest)| is_told(first) && is_told(rest))
    }

    /// A new error of these files would be shown in English: it fails here.
    #[test]
    fn what_rounds_servers_stand_ins_and_alerts_record_has_its_words_in_spanish() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        for (file, pattern) in RECORDED {
            let text = std::fs::read_to_string(root.join(file)).unwrap();
            let text = in_one_line(text.split("#[cfg(test)]").next().unwrap());
            let pattern = regex::Regex::new(pattern).unwrap();
            let literals: Vec<&str> =
                pattern.captures_iter(&text).map(|found| found.get(1).unwrap().as_str()).collect();
            assert!(!literals.is_empty(), "{file}: no sentence was found in it");
            let is_composed = |literal: &str| COMPOSED.iter().any(|(_, words)| *words == literal);
            for literal in literals {
                assert!(
                    ELSEWHERE.contains(&literal) || is_told(literal) || is_composed(literal),
                    "{file}: only in English: {literal}"
                );
            }
        }
        assert!(!is_told("no model wrote {}") && !is_told("{}: its answer is late"));
    }

    /// What a template shows as English on the Spanish page is named here, with why.
    #[test]
    fn templates_show_in_english_only_what_has_no_words_of_ours() {
        let allowed = [
            ("audit.html", "verdict.faults"), // what `audit verify` finds, in the words that it has on the command line
            ("audit.html", "verdict.unusable"),
            ("audit.html", "verdict.notes"),
            ("audit.html", "error.as_str()"),    // what a place for checkpoints answered
            ("config.html", "refused.as_str()"), // what is wrong with a line of the configuration
            ("overview.html", "refused.as_str()"),
        ];
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/admin/templates");
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            for line in std::fs::read_to_string(&path).unwrap().lines() {
                for after in line.split("lang=\"en\"").skip(1) {
                    let is_allowed = allowed.iter().any(|(file, what)| *file == name && after.contains(what));
                    assert!(is_allowed, "{name}: shown in English: {after}");
                }
            }
        }
    }

    /// The page and the alerts address their reader as "tú": what says "usted" is named here.
    #[test]
    fn the_reader_is_addressed_in_one_way() {
        // Forms that are neither English words nor third persons of these texts.
        let formal = "usted|ustedes|su propi[ao]|escriba|elija|pulse|ponga|compruebe|inicie|abra|mire|añada|quite|guarde|pida|\
                      confirme|corrija|consulte|edite";
        let formal = regex::Regex::new(&format!(r"(?i)\b(?:{formal})\b")).unwrap();
        let said = SENTENCES.iter().map(|(_, spanish)| (*spanish).to_owned());
        let mut texts: Vec<String> = said.collect();
        let literal = regex::Regex::new(r#""(?:[^"\\]|\\.)*""#).unwrap();
        let is_spanish = |text: &&str| text.contains([' ', 'á', 'é', 'í', 'ó', 'ú', 'ñ']);
        for folder in ["templates", "pages", ""] {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/admin").join(folder);
            for path in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
                if path.is_file() && !path.ends_with("spanish.rs") {
                    let text = std::fs::read_to_string(&path).unwrap();
                    texts.extend(
                        literal.find_iter(&text).map(|found| found.as_str()).filter(is_spanish).map(str::to_owned),
                    );
                }
            }
        }
        assert!(texts.iter().any(|text| text.contains("Tu rol permite leer")), "the templates are read");
        let formal: Vec<&String> = texts.iter().filter(|text| formal.is_match(text)).collect();
        assert!(formal.is_empty(), "these say usted: {formal:#?}");
    }

    #[test]
    fn what_x_refuses_and_what_to_do_about_it_are_told_in_spanish() {
        for kind in [
            RefusalKind::Invalid,
            RefusalKind::Unauthorized,
            RefusalKind::ClockSkew { seconds: 400 },
            RefusalKind::NoCredits,
            RefusalKind::Duplicate,
            RefusalKind::Permissions,
            RefusalKind::Authentication,
            RefusalKind::Suspended,
            RefusalKind::Forbidden,
            RefusalKind::NotFound,
            RefusalKind::Intermediary,
            RefusalKind::Other,
        ] {
            assert!(TERMS.iter().any(|(english, _)| *english == kind.to_string()), "{kind}");
            if let Some(remedy) = kind.remedy() {
                assert!(in_spanish(remedy).is_some(), "{remedy}");
            }
        }
    }

    #[test]
    fn why_a_server_wrote_nothing_is_told_in_spanish() {
        let server = "openai:http://gpu:8000/v1#mine".to_owned();
        let busy =
            ServerError::Busy { server: server.clone(), status: 503, message: "loading".to_owned(), retry_after: None };
        let away = ServerError::Away { server: server.clone(), reason: "connection refused".to_owned() };
        let spanish = "no hubo candidatos: openai:http://gpu:8000/v1#mine: no se puede contactar con él: connection refused; \
                       ¿está en marcha el servidor, y es correcta la dirección?";
        assert_eq!(in_spanish(&format!("no candidates: {away}")).as_deref(), Some(spanish));
        let second = std::time::Duration::from_secs(1);
        let resting =
            |reason: String| ServerError::Resting { server: server.clone(), left: second, failures: 3, reason };
        let refused = |status| ServerError::Refused { server: server.clone(), status, message: "no".to_owned() };
        let known = "a, b".to_owned();
        let what = "its answer broke off: end of file".to_owned();
        for error in [
            resting(away.to_string()),
            resting(busy.to_string()),
            away,
            busy,
            ServerError::Slow { server: server.clone(), after: second },
            refused(302),
            refused(401),
            refused(404),
            refused(422),
            ServerError::Cut { server: server.clone(), what },
            ServerError::NoSuchModel { server: server.clone(), model: "c".to_owned(), known: known.clone() },
            ServerError::WhichModel { server: server.clone(), known },
            ServerError::NamesNoModel { server: server.clone() },
            ServerError::KeyInTheOpen { server: server.clone() },
        ] {
            let spanish = in_spanish(&error.to_string());
            assert!(spanish.is_some(), "{error}");
            let recorded = in_spanish(&format!("no candidates: {error}")).unwrap();
            assert_eq!(
                Some(recorded.as_str()),
                spanish.map(|spanish| format!("no hubo candidatos: {spanish}")).as_deref()
            );
        }
    }

    #[test]
    fn a_text_that_begins_like_many_sentences_one_in_the_other_is_read_quickly() {
        let nested = format!("{}z; ", "stopped since a: ".repeat(8)).repeat(16);
        assert!(in_spanish(&nested).is_some());
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
            "Tengo treinta años",
            "Hola <b>mundo</b>",
            "Hola <|endoftext|>",
            "Hola _usr cómo vas",
            "{\"text\": \"hola\"}",
            "hola {nombre}",
            "ma\u{fffd}ana",
            "hola \u{301}",
            "Hubo tres muertos.",
            "Hubo 5 casos.",
            "Este lunes abre el puesto.",
            "Toma ivermectina.",
        ];
        let file = tempfile::NamedTempFile::new().unwrap();
        let explicit_file = Some(file.path().to_owned());
        let request = LoadRequest { explicit_file, environment: Vec::new(), overrides: Vec::new() };
        let settings = GateSettings {
            allowed_hashtags: vec!["feria".to_owned()],
            forbidden_hashtags: vec!["a".to_owned()],
            ..config::load(request).unwrap().settings.gates
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
