"""Payment methods: cards and bank accounts of Stripe's testing pages."""
