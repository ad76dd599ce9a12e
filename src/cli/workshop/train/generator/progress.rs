//! The lines that report the progress of training a generator.

use crate::cli::output::counted;
use crate::cli::workshop::progress::in_words;
use pregonero_workshop::training::generator::Progress;

pub(super) fn describe(progress: &Progress) -> String {
    match progress {
        Progress::Data { counts, shortened, training_tokens, held_out_tokens } => {
            let nothing = if *held_out_tokens == 0 { ": nothing will be evaluated" } else { "" };
            let cut =
                if *shortened > 0 { format!(", {shortened} texts or contexts cut to --block") } else { String::new() };
            format!(
                "{} ({} duplicates, {} near-duplicates, {} cut off by X and {} empty or too short left out{cut}): \
                 {training_tokens} tokens to train on, {held_out_tokens} held out{nothing}",
                counted(counts.kept, "text", "texts"),
                counts.duplicates,
                counts.near_duplicates,
                counts.cut_off,
                counts.empty
            )
        }
        Progress::ControlLost { attributes } => {
            format!("the base writes from {attributes}; the new model will not, because --control does not name them")
        }
        Progress::Unlike { loss, guess } => format!(
            "the base's loss on these texts is {loss:.2} nats per token, and guessing would give {guess:.2}: they are in another \
             language, or of another kind, than those it was trained on; it has to learn them from the beginning"
        ),
        Progress::NothingToResume => "there is no checkpoint to resume from: starting with the first step".to_owned(),
        Progress::Model { parameters, resumed_at, steps, device, fallback } => {
            let fallback = fallback.as_ref().map_or_else(String::new, |reason| format!("{reason}; "));
            let resumed = if *resumed_at > 0 { format!(", resumed after step {resumed_at}") } else { String::new() };
            format!("{fallback}{parameters} parameters, {steps} steps{resumed}; {device}")
        }
        Progress::Step { step, steps, loss, learning_rate, tokens_per_second, left } => format!(
            "step {step}/{steps}  loss {loss:.4}  learning rate {learning_rate:.2e}  {tokens_per_second:.0} tokens/s  \
             {} left",
            in_words(left.as_secs())
        ),
        Progress::Evaluated { step, loss, perplexity, best } => format!(
            "step {step}: held-out loss {loss:.4}, perplexity {perplexity:.2}{}",
            if *best { " (best so far)" } else { "" }
        ),
        Progress::Saved { step } => format!("step {step}: checkpoint saved"),
    }
}
