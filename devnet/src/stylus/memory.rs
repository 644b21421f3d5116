//! What memory pages cost within one transaction.

use super::prices::prices;

/// Page parameters of the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PagePrice {
    /// Pages that cost nothing.
    pub free: u16,
    /// Gas per page above the free ones.
    pub gas: u16,
}

/// Pages open now and the most that were ever open in this transaction.
///
/// Not journaled: a revert gives back `open` but never `ever`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pages {
    /// Pages of the frames that are running.
    pub open: u16,
    /// Highest value `open` had.
    pub ever: u16,
}

impl Pages {
    /// Gas for `new` more pages.
    #[must_use]
    pub fn cost(self, price: PagePrice, new: u16) -> u64 {
        let open = self.open.saturating_add(new);
        let ever = self.ever.max(open);
        if ever <= price.free {
            return 0;
        }
        let above = |pages: u16| u64::from(pages.saturating_sub(price.free));
        let linear = (above(open) - above(self.open)).saturating_mul(u64::from(price.gas));
        let expand = exponential(ever) - exponential(self.ever);
        linear.saturating_add(expand)
    }

    /// Opens pages without paying.
    pub fn add(&mut self, new: u16) {
        self.open = self.open.saturating_add(new);
        self.ever = self.ever.max(self.open);
    }
}

fn exponential(pages: u16) -> u64 {
    prices().memory_exponents().get(usize::from(pages)).copied().unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRICE: PagePrice = PagePrice { free: 2, gas: 1000 };

    #[test]
    fn all_pages_cost_the_same_in_any_steps() {
        for step in [1u16, 2, 4, 8, 16, 32, 64, 128] {
            let mut pages = Pages::default();
            let mut total = 0;
            while pages.open < 128 {
                total += pages.cost(PRICE, step);
                pages.add(step);
            }
            assert_eq!(total, 31_999_998, "steps of {step}");
        }
    }

    #[test]
    fn a_hundred_pages_after_one() {
        let pages = Pages { open: 1, ever: 1 };
        assert_eq!(pages.cost(PRICE, 100), 932_066);
    }

    #[test]
    fn above_the_table_nobody_can_pay_and_then_only_linear_counts() {
        let mut pages = Pages { open: 1, ever: 1 };
        assert!(pages.cost(PRICE, 128) > 1 << 63);
        pages.add(128);
        assert_eq!(pages.cost(PRICE, 1), 1000);
    }
}
