//! Reproducible data.

/// Steele, Lea & Flood 2014.
pub(crate) fn splitmix64(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

pub(crate) fn unit_interval(bits: u64) -> f64 {
    (bits >> 11) as f64 / 9007199254740992.0
}

/// CPython's `random.gauss(0, 1)` after `random.seed(seed)`: MT19937 (Matsumoto & Nishimura 1998), Box and Muller.
pub(crate) fn mt_gauss(seed: u32, n: u64, mut each: impl FnMut(f64)) {
    let mut mt = Mt::new(seed);
    for i in 0..n.div_ceil(2) {
        let angle = mt.unit_interval() * std::f64::consts::TAU;
        let radius = (-2.0 * (1.0 - mt.unit_interval()).ln()).sqrt();
        each(angle.cos() * radius);
        if 2 * i + 1 < n {
            each(angle.sin() * radius);
        }
    }
}

struct Mt {
    state: [u32; 624],
    next: usize,
}

impl Mt {
    fn new(key: u32) -> Self {
        let mut s = [0_u32; 624];
        s[0] = 19_650_218;
        for i in 1..624 {
            s[i] = (s[i - 1] ^ (s[i - 1] >> 30)).wrapping_mul(1_812_433_253).wrapping_add(i as u32);
        }
        let mut i = 1;
        for _ in 0..624 {
            s[i] = (s[i] ^ (s[i - 1] ^ (s[i - 1] >> 30)).wrapping_mul(1_664_525)).wrapping_add(key);
            i += 1;
            if i == 624 {
                s[0] = s[623];
                i = 1;
            }
        }
        for _ in 0..623 {
            s[i] = (s[i] ^ (s[i - 1] ^ (s[i - 1] >> 30)).wrapping_mul(1_566_083_941))
                .wrapping_sub(i as u32);
            i += 1;
            if i == 624 {
                s[0] = s[623];
                i = 1;
            }
        }
        s[0] = 0x8000_0000;
        Self { state: s, next: 624 }
    }

    fn draw(&mut self) -> u32 {
        if self.next == 624 {
            for k in 0..624 {
                let y = (self.state[k] & 0x8000_0000) | (self.state[(k + 1) % 624] & 0x7fff_ffff);
                self.state[k] = self.state[(k + 397) % 624]
                    ^ (y >> 1)
                    ^ if y & 1 == 1 { 0x9908_b0df } else { 0 };
            }
            self.next = 0;
        }
        let mut y = self.state[self.next];
        self.next += 1;
        y ^= y >> 11;
        y ^= (y << 7) & 0x9d2c_5680;
        y ^= (y << 15) & 0xefc6_0000;
        y ^ (y >> 18)
    }

    fn unit_interval(&mut self) -> f64 {
        let (a, b) = (self.draw() >> 5, self.draw() >> 6);
        (f64::from(a) * 67_108_864.0 + f64::from(b)) / 9007199254740992.0
    }
}
