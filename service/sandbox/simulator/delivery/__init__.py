"""How events reach webhook endpoints: signed, at least once, in no promised order."""
