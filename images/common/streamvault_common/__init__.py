"""What every Python part of StreamVault shares: names, contracts and data shapes; no framework, no I/O."""
