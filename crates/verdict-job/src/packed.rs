//! Numbers, texts and bytes put one after another, and taken again in the same order.

/// What is put.
#[derive(Debug, Default)]
pub(crate) struct Packer(Vec<u8>);

impl Packer {
    pub(crate) fn number(&mut self, number: i64) {
        self.0.extend(number.to_le_bytes());
    }

    /// How many things of a kind follow, or which one is meant.
    pub(crate) fn count(&mut self, count: usize) {
        self.0.extend((count as u64).to_le_bytes());
    }

    /// A double, by its bits.
    pub(crate) fn double(&mut self, double: f64) {
        self.0.extend(double.to_bits().to_le_bytes());
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.count(bytes.len());
        self.0.extend(bytes);
    }

    pub(crate) fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    /// A text that may be missing.
    pub(crate) fn perhaps(&mut self, text: Option<&str>) {
        self.count(usize::from(text.is_some()));
        if let Some(text) = text {
            self.text(text);
        }
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

/// What was put is not what is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NotPacked;

/// Takes what a [`Packer`] put.
#[derive(Debug)]
pub(crate) struct Unpacker<'a>(&'a [u8]);

impl<'a> Unpacker<'a> {
    pub(crate) fn of(bytes: &'a [u8]) -> Unpacker<'a> {
        Unpacker(bytes)
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], NotPacked> {
        let (own, rest) = self.0.split_at_checked(length).ok_or(NotPacked)?;
        self.0 = rest;
        Ok(own)
    }

    fn word(&mut self) -> Result<[u8; 8], NotPacked> {
        self.take(8)?.try_into().map_err(|_| NotPacked)
    }

    pub(crate) fn number(&mut self) -> Result<i64, NotPacked> {
        Ok(i64::from_le_bytes(self.word()?))
    }

    pub(crate) fn count(&mut self) -> Result<usize, NotPacked> {
        usize::try_from(u64::from_le_bytes(self.word()?)).map_err(|_| NotPacked)
    }

    pub(crate) fn double(&mut self) -> Result<f64, NotPacked> {
        Ok(f64::from_bits(u64::from_le_bytes(self.word()?)))
    }

    pub(crate) fn bytes(&mut self) -> Result<&'a [u8], NotPacked> {
        let length = self.count()?;
        self.take(length)
    }

    pub(crate) fn text(&mut self) -> Result<&'a str, NotPacked> {
        std::str::from_utf8(self.bytes()?).map_err(|_| NotPacked)
    }

    pub(crate) fn perhaps(&mut self) -> Result<Option<&'a str>, NotPacked> {
        match self.count()? {
            0 => Ok(None),
            1 => self.text().map(Some),
            _ => Err(NotPacked),
        }
    }

    /// As many things as were counted: each takes what is its own.
    pub(crate) fn each<T>(
        &mut self,
        mut one: impl FnMut(&mut Unpacker<'a>) -> Result<T, NotPacked>,
    ) -> Result<Vec<T>, NotPacked> {
        // No room is made before: a count may be anything.
        (0..self.count()?).map(|_| one(self)).collect()
    }

    /// Nothing is left.
    pub(crate) fn end(self) -> Result<(), NotPacked> {
        if self.0.is_empty() { Ok(()) } else { Err(NotPacked) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_put_is_taken_and_nothing_else() {
        let mut packer = Packer::default();
        packer.number(-7);
        packer.double(-0.0);
        packer.count(2);
        packer.perhaps(None);
        packer.perhaps(Some("é"));
        packer.bytes(&[1, 2, 3]);
        let bytes = packer.into_bytes();
        let take = |bytes: &[u8]| -> Result<_, NotPacked> {
            let mut taken = Unpacker::of(bytes);
            let number = taken.number()?;
            let bits = taken.double()?.to_bits();
            let texts = taken.each(|one| Ok(one.perhaps()?.map(str::to_owned)))?;
            let last = taken.bytes()?.to_vec();
            taken.end()?;
            Ok((number, bits, texts, last))
        };
        let texts = vec![None, Some("é".to_owned())];
        assert_eq!(take(&bytes), Ok((-7, (-0.0_f64).to_bits(), texts, vec![1, 2, 3])));
        for end in 0..bytes.len() {
            assert_eq!(take(&bytes[..end]), Err(NotPacked), "{end}");
        }
        assert_eq!(take(&[&bytes[..], &[0]].concat()), Err(NotPacked));
        let mut endless = bytes;
        endless[16..24].fill(0xff);
        assert_eq!(take(&endless), Err(NotPacked));
    }
}
