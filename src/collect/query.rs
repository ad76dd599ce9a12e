//! Search queries in X's language, built from flags. X takes no filter alone: a query needs at least one word,
//! hashtag or account.

use anyhow::{Context as _, Result, bail, ensure};
use pregonero_data::build::check_language;

use pregonero_x::Reach;

/// What a search is narrowed down to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filters {
    /// A query in X's own words.
    pub raw: Option<String>,
    /// Any of these hashtags, without `#`.
    pub hashtags: Vec<String>,
    /// By any of these accounts, without `@`.
    pub from: Vec<String>,
    pub lang: Option<String>,
    pub no_links: bool,
    pub no_replies: bool,
    pub no_reposts: bool,
    pub no_quotes: bool,
}

impl Filters {
    /// Returns the queries that together find what is asked for: one, or several if the accounts do not fit into one. No post
    /// fits two of them.
    ///
    /// # Errors
    /// If nothing is searched for, or a part cannot be in a query or makes it too long.
    pub fn queries(&self, reach: Reach) -> Result<Vec<String>> {
        let rest = self.without_accounts()?;
        ensure!(
            self.raw.is_some() || !self.hashtags.is_empty() || !self.from.is_empty(),
            "nothing to search for: give --query, --hashtag, --from or --accounts (a language or a filter alone is not a \
             query for X)"
        );
        if self.from.is_empty() {
            return Ok(vec![checked(rest.join(" "), reach)?]);
        }
        let rest = rest.join(" ");
        let accounts = self.from.iter().map(|name| account(name)).collect::<Result<Vec<_>>>()?;
        batches(&accounts, &rest, reach)
    }

    fn without_accounts(&self) -> Result<Vec<String>> {
        let mut parts = Vec::new();
        if let Some(raw) = &self.raw {
            parts.push(raw_part(raw, self.is_only_raw())?);
        }
        if !self.hashtags.is_empty() {
            let tags = self.hashtags.iter().map(|tag| hashtag(tag)).collect::<Result<Vec<_>>>()?;
            parts.push(any_of(&tags));
        }
        if let Some(lang) = &self.lang {
            parts.push(format!("lang:{}", language(lang)?));
        }
        let filters = [
            (self.no_links, "-has:links"),
            (self.no_replies, "-is:reply"),
            (self.no_reposts, "-is:retweet"),
            (self.no_quotes, "-is:quote"),
        ];
        parts.extend(filters.into_iter().filter(|(is_set, _)| *is_set).map(|(_, part)| part.to_owned()));
        Ok(parts)
    }

    fn is_only_raw(&self) -> bool {
        *self == Self { raw: self.raw.clone(), ..Self::default() }
    }
}

/// Joins accounts into as few queries as fit, in their order.
fn batches(accounts: &[String], rest: &str, reach: Reach) -> Result<Vec<String>> {
    let mut queries = Vec::new();
    let mut batch: Vec<String> = Vec::new();
    let query = |batch: &[String]| {
        let accounts = any_of(batch);
        if rest.is_empty() { accounts } else { format!("{accounts} {rest}") }
    };
    for account in accounts {
        batch.push(account.clone());
        if length(&query(&batch)) > reach.longest_query() {
            let last = batch.pop().into_iter().collect();
            if !batch.is_empty() {
                queries.push(query(&batch));
            }
            batch = last;
        }
    }
    queries.push(query(&batch));
    queries.into_iter().map(|query| checked(query, reach)).collect()
}

/// Puts a person's own query into brackets where other parts follow and it has alternatives: `a OR b c` means `a OR (b c)`.
fn raw_part(raw: &str, is_alone: bool) -> Result<String> {
    let raw = raw.trim();
    ensure!(!raw.is_empty(), "--query is empty");
    ensure!(!raw.chars().any(char::is_control), "--query contains a control character");
    Ok(if is_alone || !raw.contains(" OR ") { raw.to_owned() } else { format!("({raw})") })
}

fn any_of(parts: &[String]) -> String {
    match parts {
        [] => String::new(),
        [one] => one.clone(),
        several => format!("({})", several.join(" OR ")),
    }
}

fn hashtag(found: &str) -> Result<String> {
    let tag = found.trim().trim_start_matches(['#', '＃']);
    let fits = !tag.is_empty() && tag.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '·');
    ensure!(fits, "--hashtag {found:?}: a hashtag has letters, digits and _ only");
    ensure!(!tag.chars().all(|c| c.is_ascii_digit()), "--hashtag {found:?}: a hashtag needs a letter");
    Ok(format!("#{tag}"))
}

fn account(found: &str) -> Result<String> {
    Ok(format!("from:{}", screen_name(found)?))
}

/// Returns a screen name without `@`.
///
/// # Errors
/// If X has no such names.
pub fn screen_name(found: &str) -> Result<&str> {
    let name = found.trim().trim_start_matches('@');
    let fits = (1..=15).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    ensure!(fits, "{found:?} is no account name: expected 1 to 15 letters, digits and _, as after the @");
    Ok(name)
}

fn language(found: &str) -> Result<&str> {
    let fits = (2..=3).contains(&found.len()) && found.bytes().all(|b| b.is_ascii_lowercase());
    ensure!(fits, "--lang {found:?}: expected a language code such as es, en or und");
    check_language(found).context("--lang")?;
    Ok(found)
}

fn checked(query: String, reach: Reach) -> Result<String> {
    let (length, longest) = (length(&query), reach.longest_query());
    if length > longest {
        let advice = match reach {
            Reach::Recent => "; with --full-archive it is 1024",
            Reach::All => "; make several collections of it and join them with `dataset build`",
        };
        bail!("the query has {length} characters, X takes {longest}{advice}: {query}");
    }
    Ok(query)
}

fn length(query: &str) -> usize {
    query.chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hashtags(tags: &[&str]) -> Filters {
        Filters { hashtags: tags.iter().map(|tag| (*tag).to_owned()).collect(), ..Filters::default() }
    }

    #[test]
    fn the_slides_search_is_one_query() {
        let filters = Filters {
            lang: Some("es".to_owned()),
            no_links: true,
            no_replies: true,
            no_reposts: true,
            ..hashtags(&["YoMeVacuno", "#YoNoMeVacuno"])
        };
        assert_eq!(
            filters.queries(Reach::All).unwrap(),
            ["(#YoMeVacuno OR #YoNoMeVacuno) lang:es -has:links -is:reply -is:retweet"]
        );
    }

    #[test]
    fn a_query_of_ones_own_is_bracketed_only_where_it_would_change_its_meaning() {
        let raw = |raw: &str| Filters { raw: Some(raw.to_owned()), ..Filters::default() };
        assert_eq!(raw("mar OR sol").queries(Reach::All).unwrap(), ["mar OR sol"]);
        let with_lang = Filters { lang: Some("es".to_owned()), ..raw("mar OR sol") };
        assert_eq!(with_lang.queries(Reach::All).unwrap(), ["(mar OR sol) lang:es"]);
        let with_lang = Filters { lang: Some("es".to_owned()), ..raw("mar sol") };
        assert_eq!(with_lang.queries(Reach::All).unwrap(), ["mar sol lang:es"]);
    }

    #[test]
    fn accounts_fill_as_few_queries_as_fit_and_each_is_in_one() {
        let from: Vec<String> = (0..355).map(|number| format!("cuenta_{number:03}")).collect();
        let filters = Filters { from: from.clone(), no_reposts: true, ..Filters::default() };
        for reach in [Reach::Recent, Reach::All] {
            let queries = filters.queries(reach).unwrap();
            assert!(
                queries.iter().all(|query| query.len() <= reach.longest_query() && query.ends_with(") -is:retweet"))
            );
            // One more account of 20 characters with its " OR " would not have fitted.
            let full = &queries[..queries.len() - 1];
            assert!(full.iter().all(|query| query.len() + 20 > reach.longest_query()), "{queries:?}");
            let joined = queries.join(" ");
            let found: Vec<&str> =
                joined.split(['(', ')', ' ']).filter_map(|word| word.strip_prefix("from:")).collect();
            assert_eq!(found, from);
        }
    }

    #[test]
    fn what_x_would_refuse_is_refused_here_with_the_flag() {
        let lang = Filters { lang: Some("es".to_owned()), no_links: true, ..Filters::default() };
        let long = Filters { raw: Some("a".repeat(513)), ..Filters::default() };
        let spanish = Filters { lang: Some("Spanish".to_owned()), ..hashtags(&["a"]) };
        let long_code = Filters { lang: Some("spa".to_owned()), ..hashtags(&["a"]) };
        let from = Filters { from: vec!["not a name".to_owned()], ..Filters::default() };
        for (filters, words) in [
            (lang, "nothing to search for"),
            (long, "has 513 characters, X takes 512; with --full-archive it is 1024"),
            (spanish, "--lang \"Spanish\""),
            (long_code, "--lang: \"spa\" is not a code that X uses"),
            (hashtags(&["dos palabras"]), "--hashtag \"dos palabras\""),
            (hashtags(&["2021"]), "needs a letter"),
            (from, "\"not a name\" is no account name"),
        ] {
            let message = format!("{:#}", filters.queries(Reach::Recent).unwrap_err());
            assert!(message.contains(words), "{message}");
        }
    }
}
