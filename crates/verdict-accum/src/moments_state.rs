//! The stored form of [`Moments`].

use crate::codec::{Reader, put_exact, put_signed};
use crate::fixed256::{Fixed256, crowded};
use crate::{AccumError, Moments};

const VERSION: u8 = 1;

/// Version 1: the bytes `M`, 1, K; then n, the K sums and the products (0,0), (0,1) … (0,K-1), (1,1) … as exact
/// numbers of shortest length. A change to any of it is a new version.
impl<const K: usize, const P: usize> Moments<K, P> {
    const HEADER: [u8; 3] = [b'M', VERSION, K as u8];

    /// The state: equal moments give equal bytes. Typically 20 to 40 bytes for one variable.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(16 + 16 * K + 24 * P);
        self.write_bytes(&mut out);
        out
    }

    /// Appends the state to `out`.
    pub fn write_bytes(&self, out: &mut Vec<u8>) {
        out.extend(Self::HEADER);
        put_signed(out, self.n());
        if self.rest.is_none() {
            self.sums.iter().for_each(|&sum| put_exact(out, -1, &[sum as u64, (sum >> 64) as u64]));
            self.products.iter().for_each(|product| put_exact(out, -2, &product.limbs()));
            return;
        }
        let sums = (0..K).filter_map(|i| self.total_sum(i));
        let products = (0..K).flat_map(|i| (i..K).filter_map(move |j| self.total_product(i, j)));
        for total in sums.chain(products) {
            let (base, limbs) = total.raw();
            put_exact(out, base, limbs);
        }
    }

    /// Moments from their state.
    ///
    /// # Errors
    ///
    /// [`AccumError::State`] for bytes that [`to_bytes`](Self::to_bytes) does not write for this `K`.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, AccumError> {
        let mut reader = Reader::open(bytes, &Self::HEADER)?;
        let mut moments = Self::default();
        let n = reader.signed()?;
        match i64::try_from(n) {
            Ok(n) if crowded(n) >= 0 => moments.n = n,
            _ => moments.rest.get_or_insert_default().n = n,
        }
        for i in 0..K {
            let total = reader.exact()?;
            match total
                .window(-1)
                .map(|[low, high]: [u64; 2]| (u128::from(low) | u128::from(high) << 64) as i128)
            {
                Some(sum) if crowded((sum >> 64) as i64) >= 0 => moments.sums[i] = sum,
                _ => moments.rest.get_or_insert_default().sums[i] = total,
            }
        }
        for p in 0..P {
            let total = reader.exact()?;
            match total.window(-2).map(Fixed256::from_limbs) {
                Some(product) if crowded(product.top()) >= 0 => moments.products[p] = product,
                _ => moments.rest.get_or_insert_default().products[p] = total,
            }
        }
        reader.close()?;
        Ok(moments)
    }
}

impl<const K: usize, const P: usize> Moments<K, P> {
    /// The version of the bytes that [`to_bytes`](Self::to_bytes) writes.
    pub const STATE_VERSION: u8 = VERSION;

    /// Adds a stored state: [`from_bytes`](Self::from_bytes) and [`merge`](Self::merge).
    ///
    /// # Errors
    ///
    /// [`AccumError::State`] as for [`from_bytes`](Self::from_bytes); the moments are unchanged.
    pub fn merge_bytes(&mut self, bytes: &[u8]) -> Result<(), AccumError> {
        self.merge(&Self::from_bytes(bytes)?);
        Ok(())
    }
}
