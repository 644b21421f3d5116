//! The summary as a whole: what it picks, that it is stable, that size does not break it.

use super::*;

fn quietly(text: &str, wanted: Option<usize>) -> Option<Vec<String>> {
    summarise(text, wanted, &mut |_| {})
}

const WHALES: &str = "Whales are the largest animals in the sea, and they breathe air. \
    The kettle stood on the old kitchen stove all morning. \
    Whales breathe air through a blowhole on top of the head. \
    In the sea, whales eat krill, fish and other small animals. \
    Somebody had forgotten a green umbrella in the hall. \
    Small animals such as krill feed the largest whales of the sea.";

#[test]
fn the_subject_wins_over_the_asides() {
    let summary = quietly(WHALES, Some(3)).expect("a summary");
    assert_eq!(summary.len(), 3);
    assert!(summary.iter().all(|s| s.contains("hales")), "{summary:?}");
}

#[test]
fn sentences_are_quoted_whole_and_in_order() {
    let summary = quietly(WHALES, Some(2)).expect("a summary");
    let places: Vec<usize> =
        summary.iter().map(|s| WHALES.find(s.as_str()).expect("a quotation")).collect();
    assert!(places.is_sorted());
}

#[test]
fn the_same_text_gives_the_same_summary() {
    let text = WHALES.repeat(400);
    assert_eq!(quietly(&text, None), quietly(&text, None));
}

#[test]
fn half_a_quotation_gives_way_to_a_whole_sentence() {
    let text = "\"Whales breathe air at the surface of the sea. \
        Whales breathe air above the surface of the sea.";
    let summary = quietly(text, Some(1)).expect("a summary");
    assert_eq!(summary, ["Whales breathe air above the surface of the sea."]);
}

#[test]
fn no_sentence_is_chosen_twice() {
    let summary = quietly(&WHALES.repeat(50), Some(6)).expect("a summary");
    let distinct: std::collections::BTreeSet<_> = summary.iter().collect();
    assert_eq!(distinct.len(), summary.len());
}

#[test]
fn nothing_gives_nothing() {
    for empty in ["", " \n\t \u{feff}", "... !!! ---", "\u{200b}"] {
        assert_eq!(quietly(empty, None), None, "{empty:?}");
    }
}

#[test]
fn short_texts_are_kept() {
    assert_eq!(quietly("Hello.", None), Some(vec!["Hello.".to_owned()]));
    assert_eq!(quietly("Да", Some(3)), Some(vec!["Да".to_owned()]));
}

#[test]
fn other_scripts_are_summarised_too() {
    let chinese = "鲸鱼是海洋中最大的动物。厨房里的水壶很旧。鲸鱼在海洋中吃磷虾和小动物。\
        走廊里有一把绿色的雨伞。磷虾和小动物养活了海洋中最大的鲸鱼。";
    let summary = quietly(chinese, Some(2)).expect("a summary");
    assert!(summary.iter().all(|s| s.contains("鲸鱼")), "{summary:?}");
    let arabic = "الحيتان أكبر حيوانات البحر وتتنفس الهواء. الإبريق قديم جدا في المطبخ. \
        تأكل الحيتان الأسماك وحيوانات البحر الصغيرة.";
    assert_eq!(quietly(arabic, Some(1)).expect("a summary").len(), 1);
    let thai = "วาฬเป็นสัตว์ที่ใหญ่ที่สุดในทะเล ".repeat(200);
    assert!(!quietly(&thai, None).expect("a summary").is_empty());
}

#[test]
fn a_mebibyte_is_ranked_in_parts() {
    let mut text = String::new();
    let mut number = 1u64;
    while text.len() < 1 << 20 {
        for _ in 0..9 {
            number = number.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            text.push_str(&format!("w{} ", (number >> 33) % 5000));
        }
        text.push_str("end. The ");
    }
    let mut parts = 0;
    let summary =
        summarise(&text, None, &mut |line| parts += usize::from(line.starts_with("round 1")));
    assert_eq!(summary.expect("a summary").len(), LONGEST_SUMMARY);
    assert!(parts > 3, "{parts}");
}

#[test]
fn hostile_texts_end() {
    let stumps = "a. ".repeat(300_000);
    let one_word = "x".repeat(1 << 20);
    let same = "the same words again and again. ".repeat(30_000);
    for text in [stumps, one_word, same] {
        assert!(quietly(&text, None).is_some());
    }
}
