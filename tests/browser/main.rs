//! The admin page in a real browser: headless Chromium (Debian's `chromium`), with axe-core looking for what keeps people out
//! (`.ci/axe` fetches it). Not part of `cargo test`, because it needs both; `cargo test --release --test browser` runs it.
//!
//! Every test also fails on an error in the console and on a request that leaves the page's host.

#![expect(clippy::unwrap_used, reason = "clippy knows a test by its attribute; this binary's helpers are tests too")]

mod chromium;
#[allow(dead_code, reason = "the other tests use the rest")]
#[path = "../it/support/mod.rs"]
mod support;

use chromium::Browser;
use support::fake_x::FakeX;
use support::page::{ADMIN, PASSWORD, Page, add_user};
use support::test_bot::{Running, TestBot, wait_until};

/// A bot whose posts all wait for a person, its page, and a browser.
struct Desk {
    bot: TestBot,
    _running: Running,
    browser: Browser,
}

impl Desk {
    fn of(bot: TestBot) -> Self {
        let sections = format!("{ADMIN}[review]\nmode = \"all\"\n[selection]");
        bot.configure_with("[selection]", &sections);
        let made = bot.run(&["once"]);
        assert_eq!(made.code(), Some(0), "{made:#?}");
        for (name, role) in [("ana", "admin"), ("berta", "reviewer")] {
            add_user(&bot, name, role);
        }
        let mut running = bot.start(&["run"]);
        let page = Page::of(&mut running);
        let browser = Browser::start(&page.origin());
        Self { bot, _running: running, browser }
    }

    fn sign_in(&mut self, name: &str) {
        let browser = &mut self.browser;
        browser.go("/sign-in");
        browser.fill("#name", name);
        browser.fill("#password", PASSWORD);
        browser.click("main form button");
        browser.wait_for("location.pathname === '/' && document.readyState === 'complete'");
    }
}

#[tokio::test]
async fn a_post_is_reviewed_with_the_keyboard_alone_until_it_is_sent() {
    let x = FakeX::start().await;
    let mut desk = Desk::of(TestBot::at(&x, true));
    let browser = &mut desk.browser;
    browser.go("/sign-in");
    browser.wait_for("document.activeElement.id === 'name'");
    browser.type_text("ana");
    browser.press("Tab");
    browser.type_text(PASSWORD);
    browser.press("Enter");
    browser.wait_for("location.pathname === '/' && document.readyState === 'complete'");
    // The first key of the page goes to the link that skips the navigation.
    browser.press("Tab");
    browser.wait_for("document.activeElement.className === 'skip'");
    browser.press("?");
    browser.wait_for("document.querySelector('#shortcuts').open");
    browser.press("Escape");
    browser.wait_for("!document.querySelector('#shortcuts').open");
    browser.press("g");
    browser.press("q");
    browser.wait_for("location.pathname === '/queue' && document.readyState === 'complete'");
    browser.press("j");
    browser.wait_for("document.activeElement.getAttribute('href') === '/queue/1'");
    browser.press("Enter");
    browser.wait_for("location.pathname === '/queue/1' && document.readyState === 'complete'");
    browser.press("a");
    browser.wait_for("document.activeElement.dataset.act === 'approve'");
    browser.press("Enter");
    browser.wait_for_text("Aprobado");
    wait_until("a sent post", || desk.bot.newest_state() == "sent");
    assert_eq!(x.posted().len(), 1);
    desk.browser.go("/posts/1");
    desk.browser.wait_for_text("publicado");
    desk.browser.wait_for_text("aprobó sin comprobar los datos");
}

#[tokio::test]
async fn an_edit_that_a_gate_refuses_keeps_what_was_written_and_another_candidate_and_a_rejection_work() {
    let mut desk = Desk::of(TestBot::new());
    desk.sign_in("berta");
    let browser = &mut desk.browser;
    browser.go("/queue/1");
    browser.expect_status(409);
    browser.fill("#text", "Pregunten a @alguien mañana");
    browser.click("form[action$='/edit'] button");
    browser.wait_for("document.querySelector('[role=alert]') !== null");
    browser.wait_for_text("mentions");
    assert_eq!(browser.script("document.querySelector('#text').value"), "Pregunten a @alguien mañana");
    browser.fill("#text", "Mañana hay feria en la plaza del barrio, con música y comida para todos.");
    browser.click("form[action$='/edit'] button");
    browser.wait_for_text("Texto cambiado");
    browser.wait_for_text("Mañana hay feria");
    // Another candidate of the same round.
    browser.script("document.querySelector('details').open = true");
    browser.click("input[name=candidate]");
    browser.click("form[action$='/pick'] button");
    browser.wait_for_text("Se eligió otro candidato");
    browser.fill("#reason", "no hace falta");
    browser.click("[data-act=reject]");
    browser.wait_for_text("Descartado");
    assert_eq!(desk.bot.newest_state(), "rejected");
    desk.browser.go("/posts/1");
    desk.browser.wait_for_text("no hace falta");
}

#[tokio::test]
async fn pause_resume_a_try_the_language_and_the_colours_work() {
    let mut desk = Desk::of(TestBot::new());
    desk.sign_in("ana");
    let browser = &mut desk.browser;
    browser.fill("#reason", "elecciones");
    browser.click("form[action='/pause'] button");
    browser.wait_for_text("No sale nada: En pausa");
    browser.click("form[action='/resume'] button");
    browser.wait_for_text("Se vuelve a publicar");
    browser.go("/prompts");
    browser.fill("#prompt", "Hoy");
    browser.click("form[action='/prompts/try'] button");
    browser.wait_for("document.querySelectorAll('.candidates > li').length === 4");
    assert_eq!(desk.bot.history().len(), 1, "a try records nothing");
    let browser = &mut desk.browser;
    browser.click("button[name=language]");
    browser.wait_for("document.documentElement.lang === 'en' && document.readyState === 'complete'");
    browser.go("/");
    browser.wait_for_text("One post waits for a person");
    let ground = "getComputedStyle(document.documentElement).backgroundColor";
    let light = browser.script(ground);
    browser.click("button[name=theme]");
    browser.wait_for("document.documentElement.dataset.theme === 'dark' && document.readyState === 'complete'");
    assert_ne!(browser.script(ground), light);
    browser.go("/account");
    browser.script("document.querySelector('#keys').value = 'off'");
    browser.click("form[action='/preferences'].stack button");
    browser.wait_for("document.readyState === 'complete' && document.body && !document.body.dataset.shortcuts");
    browser.press("?");
    assert_eq!(browser.script("document.querySelector('#shortcuts').open"), false, "shortcuts are switched off");
    browser.click("form[action='/sign-out'] button");
    browser.wait_for("location.pathname === '/sign-in'");
}

#[tokio::test]
async fn axe_finds_nothing_on_any_page_at_a_desk_or_on_a_phone_in_light_or_dark() {
    let mut desk = Desk::of(TestBot::new());
    desk.browser.go("/sign-in");
    assert_eq!(desk.browser.faults(), [""; 0]);
    desk.sign_in("ana");
    let pages = [
        "/",
        "/queue",
        "/queue/1",
        "/posts",
        "/posts/1",
        "/prompts",
        "/charts",
        "/charts?by=model",
        "/audit",
        "/config",
        "/users",
        "/account",
    ];
    for (width, height, is_phone) in [(1200, 800, false), (390, 844, true)] {
        desk.browser.window(width, height, is_phone);
        for dark in [false, true] {
            desk.browser.prefer_dark(dark);
            for path in pages {
                desk.browser.go(path);
                let faults = desk.browser.faults();
                assert!(faults.is_empty(), "{path} at {width}, dark {dark}: {faults:#?}");
            }
        }
    }
}
