"""The scenes of the actor storm: small trees of test actors, what is done to them, and what must come of it by the contract of the runtime. They know no node."""
