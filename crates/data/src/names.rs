//! The names that the columns of tweets have, whatever kind of X's files they come from. Tables keep their own names.

/// What columns of texts are usually called elsewhere, the likeliest first.
pub(crate) const TEXT_ELSEWHERE: [&str; 12] = [
    "full_text",
    "tweet",
    "tweet_text",
    "tweettext",
    "texto",
    "tuit",
    "content",
    "rawcontent",
    "contenido",
    "body",
    "message",
    "mensaje",
];

/// The tweet's id in decimal digits, as text: a float would round it.
pub const ID: &str = "id";
pub const TEXT: &str = "text";
/// The author's screen name without `@`.
pub const AUTHOR: &str = "author";
pub const AUTHOR_ID: &str = "author_id";
/// The name that the author shows.
pub const AUTHOR_NAME: &str = "author_name";
/// RFC 3339 in UTC with seconds: `2026-03-01T09:00:02Z`.
pub const CREATED_AT: &str = "created_at";
pub const LANG: &str = "lang";
/// Whether the tweet is a retweet, a quote or a reply.
pub const RETWEET: &str = "retweet";
pub const QUOTE: &str = "quote";
pub const REPLY: &str = "reply";
pub const CONVERSATION_ID: &str = "conversation_id";
pub const IN_REPLY_TO_ID: &str = "in_reply_to_id";
/// The hashtags without `#`, separated by spaces.
pub const HASHTAGS: &str = "hashtags";
/// How many links the tweet has.
pub const LINKS: &str = "links";
pub const LIKES: &str = "likes";
pub const REPOSTS: &str = "reposts";
pub const REPLIES: &str = "replies";
pub const QUOTES: &str = "quotes";
pub const VIEWS: &str = "views";
/// Whether X cut the text off.
pub const TRUNCATED: &str = "truncated";
