"""What the manager decides: pure projections and rules over the stores' documents."""
