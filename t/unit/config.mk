check_PROGRAMS += t/unit/config-xml t/unit/config-settings
t_unit_config_xml_SOURCES = t/unit/config-xml.c t/unit/tap.h
t_unit_config_settings_SOURCES = t/unit/config-settings.c t/unit/tap.h
check_PROGRAMS += t/unit/config-bypass
t_unit_config_bypass_SOURCES = t/unit/config-bypass.c t/unit/tap.h
