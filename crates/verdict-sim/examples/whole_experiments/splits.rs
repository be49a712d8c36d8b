//! The split of units over two arms, looked at every day: false alarms, and how soon a loss is found.

use std::error::Error;
use std::io::Write;

use verdict_accum::philox4x32;
use verdict_analysis::methods::sample_ratio::sample_ratio;
use verdict_analysis::methods::sequential::sample_ratio::SampleRatioWatch;
use verdict_sim::Rate;

use crate::case::{DAYS, SEED};
use crate::shown;

/// Part of the rows' names.
pub(crate) const NAME: &str = "sample ratio";

/// Words of 64 random bits.
struct Bits {
    experiment: u64,
    block: u32,
    spare: Option<u64>,
}

impl Bits {
    fn next(&mut self) -> u64 {
        if let Some(spare) = self.spare.take() {
            return spare;
        }
        let counter =
            [self.block, u32::MAX, self.experiment as u32, (self.experiment >> 32) as u32];
        let [a, b, c, d] = philox4x32(SEED, counter);
        self.block = self.block.wrapping_add(1);
        self.spare = Some(u64::from(c) | u64::from(d) << 32);
        u64::from(a) | u64::from(b) << 32
    }

    /// Heads of `words` times 64 fair coins.
    fn heads(&mut self, words: u64) -> u64 {
        (0..words).map(|_| u64::from(self.next().count_ones())).sum()
    }

    /// How many of `n` are lost with this probability: skips from one to the next.
    fn lost(&mut self, n: u64, p: f64) -> u64 {
        let (mut at, mut lost) = (0.0, 0);
        loop {
            let u = ((self.next() >> 11) as f64 + 0.5) / (1u64 << 53) as f64;
            at += (u.ln() / (-p).ln_1p()).floor() + 1.0;
            if at > n as f64 {
                return lost;
            }
            lost += 1;
        }
    }
}

/// The first day on which each alarm is raised: the one that may be looked at every day, and the one that may not.
fn alarms(
    number: u64,
    words: u64,
    loss: f64,
    alpha: f64,
) -> Result<[Option<u32>; 2], Box<dyn Error>> {
    let mut bits = Bits { experiment: number, block: 0, spare: None };
    let mut watch = SampleRatioWatch::new(&[1.0, 1.0])?;
    let mut units = [0, 0];
    let mut first = [None, None];
    for day in 1..=DAYS {
        let treated = bits.heads(words);
        let lost = if loss > 0.0 { bits.lost(treated, loss) } else { 0 };
        units[0] += 64 * words - treated;
        units[1] += treated - lost;
        watch.observe(&units)?;
        let p = [watch.p_value().p, sample_ratio(&units, &[1.0, 1.0])?.p_value];
        for (first, p) in first.iter_mut().zip(p) {
            if p < alpha && first.is_none() {
                *first = Some(day);
            }
        }
    }
    Ok(first)
}

/// Whether the test exceeds its level.
pub(crate) fn table(out: &mut impl Write, experiments: u64) -> Result<bool, Box<dyn Error>> {
    let mut exceeded = false;
    writeln!(out, "\n| split | units a day | level | test | alarms | 95% interval | mean day |")?;
    writeln!(out, "| --- | ---: | ---: | --- | ---: | --- | ---: |")?;
    let none = [(10, 0.05), (100, 0.05), (100, 0.001)].map(|(words, alpha)| (0.0, words, alpha));
    let lost = [(0.01, 1_000, 0.001), (0.1, 100, 0.001)];
    for (loss, words, alpha) in none.into_iter().chain(lost) {
        let of = if loss > 0.0 { (experiments / 20).max(1) } else { experiments };
        let mut found = [Vec::new(), Vec::new()];
        for number in 0..of {
            let first = alarms(number, words, loss, alpha)?;
            found.iter_mut().zip(first).for_each(|(found, first)| found.extend(first));
        }
        let split = match loss {
            0.0 => "even, as planned".to_owned(),
            loss => format!("{}% of one arm lost", 100.0 * loss),
        };
        for (i, test) in ["over all looks", "chi-squared every day"].into_iter().enumerate() {
            let rate = Rate::new(found[i].len() as u64, of);
            let days = found[i].iter().map(|day| f64::from(*day)).sum::<f64>();
            let mean = match found[i].len() {
                0 => "–".to_owned(),
                alarms => format!("{:.1}", days / alarms as f64),
            };
            let (level, shown) = (100.0 * alpha, shown(&rate));
            let units = 64 * words;
            writeln!(out, "| {split} | {units} | {level}% | {test} | {shown} | {mean} |")?;
            exceeded |= i == 0 && loss == 0.0 && rate.rate > 1.1 * alpha;
        }
        out.flush()?;
    }
    Ok(exceeded)
}
