//! The page's two languages. Texts stand in the templates in both, side by side ([`Language::say`]), so that none can be
//! missing in one of them; here are the words that the record has for states.

use pregonero_store::Role;

/// A language of the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Language {
    #[default]
    Spanish,
    English,
}

impl Language {
    /// Returns the language with this code, Spanish for any other.
    #[must_use]
    pub fn of_code(code: &str) -> Self {
        if code == "en" { Self::English } else { Self::Spanish }
    }

    /// Returns the code of the `lang` attribute.
    #[must_use]
    pub fn code(self) -> &'static str {
        self.say("es", "en")
    }

    /// Returns the text in this language.
    #[must_use]
    pub fn say<'a>(self, spanish: &'a str, english: &'a str) -> &'a str {
        match self {
            Self::Spanish => spanish,
            Self::English => english,
        }
    }

    /// Returns the name of a role.
    #[must_use]
    pub fn role(self, role: &Role) -> &'static str {
        match role {
            Role::Admin => self.say("administración", "admin"),
            Role::Reviewer => self.say("revisión", "reviewer"),
            Role::Reader => self.say("lectura", "reader"),
        }
    }

    /// Returns the name of a state of a post, an outcome of a round or call, or a verdict. A word that is not in the list is
    /// shown as the record has it.
    #[must_use]
    pub fn state(self, word: &str) -> &str {
        let (spanish, english) = match word {
            "held" => ("espera revisión", "waits for review"),
            "approved" => ("aprobado", "approved"),
            "armed" => ("enviándose", "being sent"),
            "sent" => ("publicado", "sent"),
            "refused" => ("rechazado por X", "refused by X"),
            "unknown" => ("resultado desconocido", "outcome unknown"),
            "dry_run" => ("ensayo", "dry run"),
            "rejected" => ("descartado", "rejected"),
            "expired" => ("caducado", "expired"),
            "cancelled" => ("retirado", "cancelled"),
            "running" => ("en curso", "running"),
            "chosen" => ("elegido", "chosen"),
            "no_candidate" => ("sin candidato", "no candidate"),
            "failed" => ("fallido", "failed"),
            "missed" => ("perdido", "missed"),
            "interrupted" => ("interrumpido", "interrupted"),
            "pass" => ("pasa", "pass"),
            "review" => ("a revisión", "review"),
            "reject" => ("no pasa", "reject"),
            "under_way" => ("en curso", "under way"),
            "rate_limited" => ("límite de X", "limited by X"),
            "not_sent" => ("no llegó a X", "never reached X"),
            other => (other, other),
        };
        self.say(spanish, english)
    }

    /// Returns the name of a kind of record in the audit log; English as the record has it.
    #[must_use]
    pub fn kind(self, word: &str) -> String {
        let spanish = match word {
            "began" => "comienza el registro",
            "adopted" => "se incorpora lo que había",
            "round_began" => "empieza una ronda",
            "slot_missed" => "turno perdido",
            "candidates" => "candidatos",
            "round_ended" => "termina la ronda",
            "post_created" => "publicación creada",
            "review" => "revisión",
            "edited" => "texto cambiado",
            "picked" => "otro candidato elegido",
            "approved" => "aprobada",
            "rejected" => "descartada",
            "expired" => "caducada",
            "cancelled" => "retirada",
            "dry_run" => "ensayo",
            "armed" => "a punto de enviarse",
            "outcome" => "respuesta de X",
            "recovered" => "recuperada tras un corte",
            "settled" => "resultado aclarado",
            "read" => "lectura de X",
            "paused" => "pausa",
            "resumed" => "reanudación",
            "stopped" => "X rechaza todas las publicaciones",
            "stop_ended" => "fin del rechazo",
            "config" => "configuración",
            "models" => "modelos",
            "credentials" => "credenciales",
            "restored" => "copia restaurada",
            "stand_in" => "modelo suplente",
            "pruned" => "candidatos borrados",
            "erased" => "texto borrado",
            "migrated" => "esquema migrado",
            "user_added" => "usuario agregado",
            "user_changed" => "usuario cambiado",
            "user_removed" => "usuario eliminado",
            "role_changed" => "rol cambiado",
            "decision_link" => "enlace para decidir",
            "checkpoint_key" => "clave de los puntos de control",
            other => other,
        };
        let english = word.replace('_', " ");
        self.say(spanish, &english).to_owned()
    }

    /// Returns a sign for a state, so that colour is never the only difference.
    #[must_use]
    pub fn sign(word: &str) -> &'static str {
        match word {
            "sent" | "chosen" | "pass" | "ok" => "✓",
            "held" | "review" => "◔",
            "approved" | "armed" | "running" | "under_way" => "▸",
            "unknown" | "interrupted" | "missed" | "not_ready" | "rate_limited" => "!",
            "dry_run" => "○",
            _ => "✕",
        }
    }

    /// Returns the colour's class of a state.
    #[must_use]
    pub fn tone(word: &str) -> &'static str {
        match Self::sign(word) {
            "✓" => "good",
            "◔" | "!" => "warn",
            "▸" | "○" => "plain",
            _ => "bad",
        }
    }

    /// Returns what a code of the daemon's state means.
    #[must_use]
    pub fn code_of_state(self, code: &str) -> &str {
        let (spanish, english) = match code {
            "ok" => ("Todo en orden", "All is well"),
            "paused" => ("En pausa", "Paused"),
            "budget_used_up" => ("Presupuesto o límite agotado", "A budget or limit is used up"),
            "stopped_by_x" => ("X no acepta publicaciones", "X refuses every post"),
            "generator_away" => ("El servidor del generador no responde", "The generator's server is away"),
            "disk_full" => ("Disco lleno", "The disk is full"),
            "database_gone" => ("La base de datos ha desaparecido", "The database is gone"),
            "record" => ("No se puede leer o escribir el registro", "The record cannot be read or written"),
            "not_ready" => ("No está listo", "Not ready"),
            "hangs" => ("El demonio no responde", "The daemon hangs"),
            "not_running" => ("No está en marcha", "Not running"),
            other => (other, other),
        };
        self.say(spanish, english)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pregonero_store::{AttemptOutcome, PostState, RecordKind, RoundOutcome};

    #[test]
    fn every_state_has_words_in_spanish() {
        let states = PostState::ALL.iter().map(|state| state.as_str());
        let outcomes = RoundOutcome::ALL.iter().map(|outcome| outcome.as_str());
        let calls = AttemptOutcome::ALL.iter().map(|outcome| outcome.as_str());
        for word in states.chain(outcomes).chain(calls) {
            assert_ne!(Language::Spanish.state(word), word);
            assert!(!Language::sign(word).is_empty());
        }
        for kind in RecordKind::ALL {
            assert_ne!(Language::Spanish.kind(kind.as_str()), kind.as_str());
        }
        assert_eq!(Language::English.state("a new one"), "a new one");
    }
}
